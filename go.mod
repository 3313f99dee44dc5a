module agentguard

go 1.26.0

require (
	filippo.io/age v1.3.2 // the encrypted vault file, identities and plugins
	github.com/BurntSushi/toml v1.6.0 // the policy
	github.com/andybalholm/brotli v1.2.8 // responses in br
	github.com/creack/pty v1.1.24 // tests: real terminals
	github.com/fatih/color v1.19.0 // the command line
	github.com/godbus/dbus/v5 v5.2.2 // the Secret Service: is there a bus, is it locked
	github.com/gofrs/flock v0.13.1 // one writer of the vault file, one owner of a runtime directory
	github.com/joho/godotenv v1.5.1 // .env files, as others read them
	github.com/klauspost/compress v1.20.3 // responses in zstd
	github.com/rogpeppe/go-internal v1.16.0 // tests: testscript
	github.com/urfave/cli/v2 v2.27.7 // the command line
	github.com/vektah/gqlparser/v2 v2.5.64 // tests: another reader of GraphQL; the generator of catalogues
	github.com/zalando/go-keyring v0.2.8 // the system's keychain
	go.yaml.in/yaml/v3 v3.0.6 // tests: another reader of YAML
	golang.org/x/net v0.62.0 // tests: other readers of host names and of proxy variables, HTTP/2 frames, BPF
	golang.org/x/sys v0.49.0 // what the syscall package lacks
	golang.org/x/term v0.47.0 // hidden prompts
	software.sslmate.com/src/go-pkcs12 v0.7.4 // tests: another reader of Java's trust store
)

require (
	filippo.io/hpke v0.4.0 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/xrash/smetrics v0.0.0-20240521201337-686a1a2994c1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
)
