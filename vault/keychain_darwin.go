package vault

// keychainLimit: go-keyring hands base64 to `security -i`, whose lines end at 4,096 bytes.
const keychainLimit = 2900

const unlockHint = "security unlock-keychain"
