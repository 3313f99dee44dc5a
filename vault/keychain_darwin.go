package vault

// keychainLimit: go-keyring hands base64 to `security -i`, whose lines end at 4,096 bytes.
const keychainLimit = 2900

// UnlockHint says what opens a keychain that is locked.
const UnlockHint = "security unlock-keychain"
