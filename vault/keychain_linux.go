package vault

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// keychainLimit: the Secret Service has none of its own.
const keychainLimit = math.MaxInt

// unlockCommand opens the keyring where there is no desktop, and makes one where none was made yet. A daemon that runs opens nothing
// when it is told to by another, so that it is replaced; and what it reads is the password with the line break, if there is one.
const unlockCommand = `bash -c 'read -rsp "password: " p; printf %s "$p" | gnome-keyring-daemon --replace --unlock'`

// UnlockHint says what opens a keychain that is locked.
const UnlockHint = "unlock the keyring and run it again: log in on the desktop, or without one: " + unlockCommand

const (
	secretService = "org.freedesktop.secrets"
	secretPath    = "/org/freedesktop/secrets"
	loginKeyring  = secretPath + "/collection/login"
	busVariable   = "DBUS_SESSION_BUS_ADDRESS"
)

// reachKeychain makes sure that go-keyring will find a bus and a service on it. It runs before each call into that
// library, because the library's D-Bus client starts a bus of its own (dbus-launch) where it finds none: a process that
// nobody stops, with an empty keychain on it.
func reachKeychain(ctx context.Context, lookup func(string) (string, bool)) error {
	address, err := busAddress(lookup)
	if err != nil {
		return err
	}
	bus, err := dialBus(ctx, address)
	if err != nil {
		return err
	}
	defer bus.Close()
	if err := hasService(ctx, bus); err != nil {
		return err
	}
	return pinBus(address)
}

// busAddress is the session bus of that environment, and an error where D-Bus would go looking or launching.
func busAddress(lookup func(string) (string, bool)) (string, error) {
	if a, _ := lookup(busVariable); a != "" && a != "autolaunch:" {
		return a, nil
	}
	dir, _ := lookup("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(dir) {
		return "", noBus("no D-Bus session: DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR are not set")
	}
	socket := filepath.Join(dir, "bus")
	if _, err := os.Stat(socket); err != nil {
		return "", noBus("no D-Bus session: there is no %s", socket)
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(socket), nil
}

func noBus(format string, args ...any) error {
	return hint(fmt.Errorf("%w: "+format, append([]any{ErrUnavailable}, args...)...), noKeychainHint)
}

// pinBus makes the one bus that was just tried the one that go-keyring takes: it reads the process's own environment.
// Where that names another bus already, somebody means two different keychains, and neither is used.
func pinBus(address string) error {
	switch own := os.Getenv(busVariable); own {
	case address:
		return nil
	case "", "autolaunch:":
		return os.Setenv(busVariable, address)
	}
	return noBus("the process has another %s than its given environment", busVariable)
}

// dialBus connects and says hello, within ctx: a socket that accepts and never answers is no bus.
func dialBus(ctx context.Context, address string) (*dbus.Conn, error) {
	socket, err := busSocket(address)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, noBus("nobody answers on the D-Bus session %s", clean(address))
	}
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	bus, err := dbus.NewConn(conn, dbus.WithContext(ctx))
	if err == nil {
		err = bus.Auth([]dbus.Auth{dbus.AuthExternal(fmt.Sprint(os.Geteuid()))})
	}
	if err == nil {
		err = bus.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, noBus("the D-Bus session %s refuses us or does not answer", clean(address))
	}
	conn.SetDeadline(time.Time{}) // ctx bounds the calls
	return bus, nil
}

// busSocket reads the first of the addresses; all of them must be sockets. D-Bus knows more kinds, one of which runs
// a program (unixexec:), and none of them is a session's.
func busSocket(address string) (string, error) {
	var first string
	for one := range strings.SplitSeq(address, ";") {
		keys, ok := strings.CutPrefix(one, "unix:")
		if !ok {
			return "", noBus("the D-Bus session %s is not on a unix socket", clean(address))
		}
		socket := socketOf(keys)
		if socket == "" {
			return "", noBus("the D-Bus session %s names no socket", clean(address))
		}
		if first == "" {
			first = socket
		}
	}
	return first, nil
}

func socketOf(keys string) string {
	for pair := range strings.SplitSeq(keys, ",") {
		key, value, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		switch {
		case err != nil || value == "":
		case key == "path":
			return value
		case key == "abstract":
			return "@" + value
		}
	}
	return ""
}

// hasService asks the bus, which always answers, and starts nothing.
func hasService(ctx context.Context, bus *dbus.Conn) error {
	var owned bool
	call := func(method string, to any, args ...any) error {
		return bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus."+method, 0, args...).Store(to)
	}
	if err := call("NameHasOwner", &owned, secretService); err != nil {
		return noBus("the D-Bus session does not answer")
	}
	if owned {
		return nil
	}
	var names []string
	if err := call("ListActivatableNames", &names); err != nil || !slices.Contains(names, secretService) {
		return noBus("no Secret Service (gnome-keyring, KWallet, KeePassXC) on the D-Bus session")
	}
	return nil
}

// inspectKeychain says which collection is used and whether it is locked. It never prompts.
func inspectKeychain(ctx context.Context, lookup func(string) (string, bool)) (detail string, locked bool, err error) {
	address, err := busAddress(lookup)
	if err != nil {
		return "", false, err
	}
	bus, err := dialBus(ctx, address)
	if err != nil {
		return "", false, err
	}
	defer bus.Close()
	if err := hasService(ctx, bus); err != nil {
		return "", false, err
	}
	collection, err := findCollection(ctx, bus)
	if err != nil {
		return "", false, err
	}
	err = property(ctx, bus, collection, "org.freedesktop.Secret.Collection", "Locked", &locked)
	return secretService + " " + clean(string(collection)), locked, err
}

// findCollection takes the one that go-keyring takes: login, else what the alias "default" stands for.
func findCollection(ctx context.Context, bus *dbus.Conn) (dbus.ObjectPath, error) {
	var all []dbus.ObjectPath
	if err := property(ctx, bus, secretPath, "org.freedesktop.Secret.Service", "Collections", &all); err != nil {
		return "", err
	}
	if slices.Contains(all, loginKeyring) {
		return loginKeyring, nil
	}
	var def dbus.ObjectPath
	err := bus.Object(secretService, secretPath).CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&def)
	if err != nil || def == "/" {
		return "", noBus("the Secret Service has no default keyring")
	}
	return def, nil
}

func property(ctx context.Context, bus *dbus.Conn, path dbus.ObjectPath, iface, name string, to any) error {
	var v dbus.Variant
	err := bus.Object(secretService, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name).Store(&v)
	if err == nil {
		err = v.Store(to)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return noBus("the Secret Service does not answer")
	}
	return noBus("the Secret Service answers: %s", clean(err.Error()))
}
