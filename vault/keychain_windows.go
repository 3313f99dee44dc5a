package vault

// keychainLimit is CRED_MAX_CREDENTIAL_BLOB_SIZE (wincred.h), 5 * 512.
const keychainLimit = 2560

// UnlockHint says what opens a keychain that is locked.
const UnlockHint = "log in again, then run it again"
