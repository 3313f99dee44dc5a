// Package vault is where secrets live. It reads a secret from the backend that a reference names, within a bound, and
// says in words what is missing and which command mends it.
package vault
