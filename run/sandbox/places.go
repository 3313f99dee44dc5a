package sandbox

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Places says where things are on this machine, and what the policy has to say about them. All paths are absolute.
type Places struct {
	Home    string   // the user's; "": none is known
	Others  []string // home directories of others, beside those that are found
	Dir     string   // where the child starts
	Path    []string // directories in which programs are found
	Temp    []string // directories for temporary files, beside /tmp and /var/tmp
	Caches  []string // of tools that were told by a variable where to put them
	Jobs    []string // files of secrets that a CI system keeps for a job
	Moves   []Move   // what lies elsewhere than below Home
	Runtime string   // the run's own directory: the child reads its certificates there
	Policy  string   // the policy file
	Program string   // our own: whoever changes it is not confined the next time
	Secret  []string // agentguard's own files, and those that secrets are read from: nothing opens these

	Read, Write, Hide []string // the policy's [isolation]
}

// places are names that commas divide: as a list of hundreds they would take twice the room in the program.
type places string

func (p places) names() []string { return strings.Split(string(p), ",") }

// Below the user's directory. What is not there is passed over.
var (
	// secretPlaces hold what must not be read: keys, tokens, passwords, what was typed, and whole sessions of browsers and
	// messengers.
	secretPlaces places = "" +
		".netrc,_netrc,.git-credentials,.config/git/credentials,.config/gh,.config/hub,.config/glab-cli,.config/tea,.ssh,.gnupg," +
		".config/sops,.config/age,.password-store,.local/share/gopass,.config/op,.config/Bitwarden,.config/Bitwarden CLI,.config/1Password," +
		".local/share/keyrings,.local/share/kwalletd,.kde/share/apps/kwallet,Library/Keychains,.pki,.local/share/pki," +
		".aws,.azure,.config/gcloud,.config/doctl,.config/hcloud,.oci,.aliyun,.bluemix,.boto,.s3cfg,.config/rclone,.passwd-s3fs," +
		".linode-cli,.config/linode-cli,.config/scw,.cloudflared,.ngrok2,.config/ngrok,.mc,.rclone.conf,.config/argocd,.tsh,.step,.circleci/cli.yml," +
		".kube,.docker,.config/containers/auth.json,.config/helm,.vault-token,.terraform.d,.terraformrc,.config/pulumi,.pulumi/credentials.json," +
		".npmrc,.yarnrc,.yarnrc.yml,.pypirc,.config/pip,.pip,.config/pypoetry,.cargo/credentials,.cargo/credentials.toml," +
		".gem/credentials,.bundle/config,.m2/settings.xml,.m2/settings-security.xml,.gradle/gradle.properties,.nuget/NuGet,.config/NuGet," +
		".composer/auth.json,.config/composer/auth.json,.hex/hex.config,.config/configstore,.config/netlify,.netlify,.vercel,.config/heroku,.fly," +
		".railway,.config/stripe,.config/sentry,.sentryclirc,.huggingface/token,.cache/huggingface/token,.kaggle,.databrickscfg,.snowsql," +
		".local/share/com.vercel.cli,.config/.wrangler,.wrangler/config,.supabase/access-token,.config/github-copilot,.config/io.datasette.llm/keys.json," +
		".subversion/auth,.local/share/lftp/bookmarks,.lftp/bookmarks,.config/httpie/sessions,.httpie/sessions,.ansible/galaxy_token,.config/Postman,.config/Insomnia," +
		".authinfo,.authinfo.gpg,.msmtprc,.config/msmtp,.mbsyncrc,.isyncrc,.offlineimaprc,.fetchmailrc," +
		".muttrc,.mutt,.config/mutt,.config/neomutt,.config/aerc,.config/himalaya,.mailrc,.config/evolution,.local/share/evolution,.config/geary,.local/share/geary," +
		".claws-mail,.getmail,.config/getmail,.davmail.properties,.davfs2,.config/vdirsyncer,.purple,.weechat,.config/weechat,.irssi,.znc,.config/hexchat,.zuliprc," +
		".gitcookies,.config/openstack,.cf,.chef,.edgerc,.clasprc.json,.config/fastly,.config/turso,.config/neonctl,.config/planetscale,.config/firebase,.ovh.conf," +
		".ibmcloud,.rancher,.minikube/profiles,.minikube/ca.key,.nomad-token,.consul-token,.vagrant.d/data,.jfrog,.travis,.config/infracost,.cloudsmith,.config/cloudsmith," +
		".gradle/develocity,.m2/.develocity,.ivy2/.credentials,.sbt/.credentials,.lein/credentials.clj,.pause,.bunfig.toml,.config/dart,.pub-cache/credentials.json," +
		".local/share/gem/credentials,.local/share/uv/credentials,.cache/huggingface/stored_tokens,.config/rbw,.local/share/rbw,.lpass,.local/share/lpass,.config/keepassxc," +
		".google_authenticator,.config/Yubico,.config/chezmoi,.local/share/mkcert,.mitmproxy,.local/share/caddy,.acme.sh,.lego,.sigstore,.config/regctl,.regctl,.postgresql," +
		".modal.toml,.dbt,.snowflake,.databricks,.influxdbv2,.clearml.conf,.lightning,.prefect,.runpod,.config/vastai,.ollama/id_ed25519,.slack,.twilio-cli,.config/datadog," +
		".dogrc,.newrelic,.config/jira,.jira.d,.anthropic,.openai,.config/openai,.config/anthropic,.cert,.config/.jira,.terminus,.platformsh,.wakatime.cfg,.env,.wgetrc,.curlrc,.config/curlrc,.lftprc,.gsutil,.config/earthengine,.config/gspread," +
		".config/b2,.b2_account_info,.config/borg,.config/restic,.config/kopia,.config/syncthing,.local/state/syncthing,.config/onedrive,.config/Nextcloud,.vnc,.config/freerdp,.local/share/DBeaverData," +
		".config/keybase,.local/share/keybase,.local/share/tailscale,.monero,.foundry/keystores,.near-credentials,.lnd,.config/Exodus,.Xauthority,.ICEauthority,.config/pulse/cookie," +
		".pgpass,.my.cnf,.mylogin.cnf,.config/filezilla,.config/remmina,.local/share/remmina,.config/sublime-merge,.config/GitHub Desktop," +
		".mozilla,.librewolf,.thunderbird,.config/google-chrome,.config/google-chrome-beta,.config/google-chrome-unstable,.config/chromium," +
		".config/BraveSoftware,.config/microsoft-edge,.config/vivaldi,.config/opera,.config/Signal,.config/Slack,.config/discord,.config/Element," +
		".config/google-chrome-for-testing,.config/yandex-browser,.waterfox,.zen,.floorp,.local/share/qutebrowser,.local/share/epiphany," +
		".config/teams-for-linux,.config/Mattermost,.config/zulip,.config/Beeper,.local/share/telegram-desktop," +
		".config/Code/User/globalStorage,.config/Code/User/History,.config/Code/Cookies,.config/VSCodium/User/globalStorage,.config/VSCodium/User/History,.config/Cursor/User/globalStorage,.config/Cursor/User/History," +
		".config/Windsurf/User/globalStorage,.vscode-server/data/User/globalStorage,.cursor-server/data/User/globalStorage," +
		".local/share/TelegramDesktop,.var/app,snap,.electrum,.bitcoin,.ethereum,.config/solana," +
		"Library/Application Support/Google,Library/Application Support/Firefox,Library/Application Support/BraveSoftware,Library/Application Support/Microsoft Edge," +
		"Library/Application Support/com.apple.TCC,Library/Cookies,Library/Mail,Library/Messages,Library/Safari," +
		".bash_history,.zsh_history,.zsh_sessions,.zhistory,.histfile,.history,.sh_history,.local/share/fish/fish_history,.local/share/atuin," +
		".fish_history,.xonsh_history,.local/share/xonsh,.elvish/db,.local/state/elvish,.config/nushell/history.txt,.config/nushell/history.sqlite3," +
		".local/share/powershell/PSReadLine,.ipython/profile_default/history.sqlite,.local/share/nvim/shada,.local/state/nvim/shada,.pry_history,.local/share/pry," +
		".local/share/irb,.php_history,.config/psysh,.lua_history,.scala_history,.ghc/ghci_history,.julia/logs,.Rhistory,.octave_hist,.gdb_history," +
		".mongodb,.mongosh_history,.clickhouse-client-history,.duckdb_history,.trino_history,.w3m/history,.local/share/lftp/rl_history,.xsession-errors," +
		".local/state/bash,.local/state/zsh,.python_history,.local/state/python,.node_repl_history,.irb_history,.psql_history,.mysql_history,.sqlite_history," +
		".rediscli_history,.dbshell,.lesshst,.viminfo,.local/share/recently-used.xbel," +
		".awsvault,.granted,.Leapp,.ecs/credentials,.okta,.bigqueryrc,.bigquery.v2.token,.gdrive,.gdrive3,.config/gdrive,.gcalcli_oauth,.local/share/gcalcli,.gmailctl,.gam," +
		".local/share/.IdentityService,.azd,.vultr-cli.yaml,.config/exoscale,.config/upctl.yaml,.civo.json,.config/equinix,.config/ionosctl,.tccli,.hcloud,.ossutilconfig,.cos.conf,.cos.yaml," +
		".config/yandex-cloud,.nebius,.paperspace,.beam,.config/replicate,.trussrc,.fal,.cerebrium,.lambda_cloud,.sky,.koyeb.yaml,.config/northflank,.render,.deta,.now,.upsun-cli," +
		".acquia,.aptible,.config/encore,.serverlessrc,.spacelift,.tofurc,.config/opentofu,.vault-tokens,.doppler,.infisical,.infisical-keys,.phase,.akeyless,.config/bws," +
		".local/share/dashlane-cli,.config/dashlane-cli,.keeper,.config/Enpass,.local/share/Enpass,.config/KeePass,.passage,.config/gopass,.config/Buttercup-nodejs,.config/protonmail," +
		".local/share/protonmail,.config/protonvpn,.2fa,.ente,.local/share/authenticator,.config/k3d,.k3d,.talos,.crc,.config/Lens,.k8slens,.helm,.argocd,.okteto,.garden,.devspace,.loft," +
		".local/share/containers/storage/secrets,.lima/_config,.colima/_lima/_config,.orbstack/ssh,.config/lxc,.config/incus,.config/pdm,.continuum,.local/share/binstar,.rattler/credentials.json," +
		".microsoft/usersecrets,.aspnet/DataProtection-Keys,.local/share/MicrosoftCredentialProvider,.stack/upload,.luarocks/upload_config.lua,.Renviron,.julia/servers,.conan2/credentials.json," +
		".conan/artifacts.properties,.fastlane,.expo,.appcenter-cli,.android/adbkey,.config/JetBrains,.config/Google,.eclipse/org.eclipse.equinox.security,.codeium,.tabnine,.config/TabNine," +
		"src-config.json,.config/goose/secrets.yaml,.local/share/crush,.config/fabric/.env,.config/aichat,.config/mods,.config/shell_gpt,.config/cursor,.augment,.local/share/warp-terminal," +
		".local/state/warp-terminal,.local/share/amazon-q,.local/share/kiro-cli,.mcp-auth,.composio,.comet.config,.neptune,.mlflow/credentials,.config/roboflow,.ngc,.pg_service.conf,.cassandra," +
		".cqlshrc,.usqlpass,.usqlrc,.usql_history,.config/pgcli,.mycli-history,.config/litecli,.clickhouse-client,.config/snowflake,.influx_history,.cockroach-certs,.ccloud,.confluent," +
		".config/kcat.conf,.config/kafkactl,.kaf,.config/rpk,.config/beekeeper-studio,.config/MongoDB Compass,.redis-insight,.pgadmin,.config/pgadmin4,.mysql,.squirrel-sql,.sqldeveloper," +
		".config/azuredatastudio,.duckdb/stored_secrets,.config/xata,.convex,.fauna,.edgedb,.config/edgedb,.config/gel,.hasura,.appwrite,.config/buildkite.yaml,.earthly,.sem.yaml," +
		".python-gitlab.cfg,.local/share/forgejo-cli,.config/hut,.config/coderv2,.gitlab-runner,.credentials,.credentials_rsaparams,actions-runner/.credentials,actions-runner/.credentials_rsaparams," +
		".semgrep/settings.yml,.config/mozilla,.config/microsoft-edge-beta,.config/microsoft-edge-dev,.config/vivaldi-snapshot,.config/opera-beta,.config/thorium,.config/net.imput.helium," +
		".config/ungoogled-chromium,.tor-browser,.local/share/torbrowser,.config/Ferdium,.config/Rambox,.config/Session,.config/Wire,.config/Microsoft,.config/discordcanary,.config/discordptb," +
		".config/vesktop,.zoom,.config/zoomus.conf,.config/Rocket.Chat,.local/share/fractal,.local/share/nheko,.config/nheko,.local/share/iamb,.local/share/dino,.local/share/gajim,.local/share/profanity," +
		".local/share/signal-cli,.config/toot,.config/tut,.twurlrc,.trc,.config/Mailspring,.local/share/akonadi,.config/mailtransports,.config/isyncrc,.config/mbsync,.config/offlineimap,.mpoprc," +
		".config/mpop,.esmtprc,.pinerc,.pine-passfile,Maildir,.maildir,.mail,Mail,.local/share/mail,.openvpn,.config/openvpn,.wireguard,.config/wireguard,.config/Mullvad VPN,.config/nordvpn," +
		".config/eduvpn,.local/share/eduvpn,.sdm,.ngrok,.zrok,.zrok2,.putty,.config/putty,.config/Termius,.config/tabby,.config/electerm,.config/asbru,.config/tigervnc,.config/rustdesk," +
		".anydesk,.local/share/teamviewer15,.config/chrome-remote-desktop,.config/sunshine,.config/Ledger Live,.config/@trezor,.config/atomic,.bitmonero,Monero,.litecoin,.dogecoin,.dashcore,.zcash," +
		".electron-cash,.electrum-ltc,.sparrow,.walletwasabi,.armory,.local/share/Daedalus,.aptos,.sui,.starkli-wallets,.brownie/accounts,.ape/accounts,.config/hardhat-nodejs,.avalanche-cli/key," +
		".clightning,.eclair,.local/share/polkadot,.tezos-client,.config/stellar/identity,.config/dfx/identity,.fuels/wallets,.local/share/io.parity.ethereum,.config/frame,.local/share/ptpython," +
		".config/ptpython/history,.pythonhist,.radian_history,.scala_history_jline3,.ammonite/history,.groovy/groovysh.history,.utop-history,.ghci_history,.deno_history,.ts_node_repl_history," +
		".bun_repl_history,.iredis_history,.nano_history,.local/share/nano,.vim/.netrwhist,.local/share/zsh/history,.local/share/zsh/zsh_history,.config/zsh/.zsh_history,.config/zsh/.zhistory,.local/share/bash/history,.config/bash/history," +
		".local/share/mcfly,.hishtory,.tmux/resurrect,.local/share/tmux/resurrect,.config/asciinema,.local/share/klipper,.local/share/gpaste,.config/copyq,.local/share/copyq,.local/share/Trash," +
		".local/share/baloo,.local/share/jupyter/runtime,.jupyter/jupyter_server_config.json,.emacs.d/history,.emacs.d/server,.tarsnaprc,.local/share/Vorta,.dropbox,.dropbox_uploader,.megaCmd,.megarc," +
		".pcloud,.ccnet,.config/ownCloud,.gdfuse,.local/share/Steam/config,.config/legendary,.config/heroic,.local/share/PrismLauncher/accounts.json,.homeassistant/.storage,.homeassistant/secrets.yaml," +
		".particle,.balena,.yubico,.local/share/sequoia/keystore,.minisign,.config/notation,.notary,.globus,.globusonline,.smbcredentials,.secrets,Private,.ecryptfs,.env.local,.env.production," +
		".extra,.snapshots,Library/Accounts,Library/Calendars,Library/Containers,Library/Group Containers,Library/HTTPStorages,Library/Mobile Documents,Library/WebKit,Library/Application Support/1Password," +
		"Library/Application Support/Arc,Library/Application Support/Bitwarden,Library/Application Support/Chromium,Library/Application Support/Claude,Library/Application Support/Code/User/globalStorage," +
		"Library/Application Support/Cursor/User/globalStorage,Library/Application Support/discord,Library/Application Support/Signal,Library/Application Support/Slack,Library/Application Support/Telegram Desktop," +
		"Library/Application Support/Thunderbird,Library/Application Support/com.vercel.cli,Library/Application Support/doctl,Library/Application Support/io.datasette.llm,Library/Application Support/ngrok," +
		"Library/Application Support/sops,Library/Application Support/JetBrains,Library/Application Support/Vivaldi,Library/Application Support/AddressBook,Library/Preferences/netlify,Library/Thunderbird," +
		".config/Code - Insiders/User/globalStorage,.config/Code/User/workspaceStorage,.config/Code/Network,.config/Cursor/Cookies,.config/Cursor/Network,.config/Cursor/User/workspaceStorage," +
		".config/Kiro/User/globalStorage,.config/Antigravity/User/globalStorage,.config/Trae/User/globalStorage,.config/Positron/User/globalStorage,.windsurf-server/data/User/globalStorage," +
		".gcm,.config/pnpm/rc,.config/pnpm/auth.ini,.config/cachix,.config/attic,.config/coursier/credentials.properties,.m2/settings-security4.xml,.config/dagger/credentials.json," +
		".config/depot,.config/ns,.up/config.json,.saml2aws,.aws-sso,.config/aws-sso,.awsume,.okta_aws_login_config,.config/hcp,.config/atlascli,.config/mongocli," +
		".config/shopify-cli-kit-nodejs,.config/resend,.posthog,.sentry,.hscli,.config/prisma-platform,.upstash.json,.config/lab,.config/kaggle,.config/gogcli," +
		".config/woodpecker,.config/grafanactl,.config/zeabur,.config/coolify,.config/linear,.e2b,.config/daytona,.transifexrc,.crowdin.yml,.sonar,.jreleaser," +
		".config/exercism,.duplicacy,.telegram-cli,.wacli,.config/kdeconnect,.config/obs-studio,.config/librewolf,.config/zen,.config/clipse,.local/share/clipman.json," +
		".local/share/clipcat,.vscode/cli,.vscode-cli,.local/share/code-server/User/globalStorage,.config/code-server,.config/GitKraken,.gitkraken,.config/bruno," +
		".local/share/app.yaak.desktop,.config/Proton,.config/Joplin,.config/Notion,.config/Claude,.gnome2/keyrings,.local/share/gnome-remote-desktop,.vault_pass,.vault_pass.txt," +
		".vim/undo,.vim/undodir,.vim/swap,.vim/backup,.vim/tmp,.vimundo,.local/state/vim,.local/state/nvim/undo,.local/state/nvim/swap,.local/state/nvim/backup,.local/share/nvim/swap,.local/share/nvim/undo," +
		".local/share/nvim/backup,.emacs.d/backups,.emacs.d/auto-save-list,.emacs.d/undo-tree,.local/share/emacs,.local/state/emacs,.local/share/kate,.local/share/gedit,.local/share/geany," +
		".ansible_vault_pass,.age,.config/nix/netrc,.netrc.gpg,.envrc," +
		".config/agentguard,.local/share/agentguard,.local/state/agentguard"

	// settledPlaces run something the next time that the user logs in, opens a shell, an editor or a repository: they can be
	// read and not changed.
	settledPlaces places = "" +
		".bashrc,.bash_profile,.bash_login,.bash_logout,.bash_aliases,.profile,.zshrc,.zshenv,.zprofile,.zlogin,.zlogout,.kshrc,.inputrc," +
		".config/fish,.config/zsh,.config/nushell,.config/environment.d,.pam_environment,.xprofile,.xinitrc,.xsession,.xsessionrc," +
		".config/autostart,.config/systemd,.local/share/systemd,.local/share/applications,.local/share/dbus-1,.config/plasma-workspace,.config/upstart," +
		".local/bin,bin,.cargo/bin,.cargo/env,.cargo/config,.cargo/config.toml,go/bin,.gitconfig,.config/git,.config/hg,.hgrc," +
		".vimrc,.vim,.config/nvim,.emacs,.emacs.d,.config/emacs,.nanorc,.tmux.conf,.config/tmux,.screenrc,.gdbinit,.config/gdb,.lldbinit," +
		".config/Code/User,.vscode/extensions,.vscode-server/extensions," +
		".dotnet/tools,.pub-cache/bin,.mix/escripts,.yarn/bin,.local/share/uv/tools," + // what is in PATH as a rule, or is linked from there
		".zcompdump,.gvimrc,.exrc,.ideavimrc,.SpaceVim.d,.doom.d,.config/doom,.spacemacs,.spacemacs.d,.emacs.el,.local/share/nvim,.config/helix,.config/zed,.config/micro,.config/kak," +
		".config/sublime-text,.config/VSCodium/User,.config/Cursor/User,.config/Windsurf/User,.cursor/extensions,.cursor/mcp.json,.windsurf/extensions,.vscode-oss/extensions,.cursor-server/extensions," +
		".local/share/JetBrains,.config/starship.toml,.config/kitty,.config/alacritty,.config/wezterm,.wezterm.lua,.config/ghostty,.config/foot,.config/i3,.i3,.config/sway,.config/hypr,.config/niri," +
		".config/awesome,.config/bspwm,.config/sxhkd,.config/openbox,.config/polybar,.config/waybar,.config/xfce4,.config/lxsession,.fluxbox,.fvwm,.xbindkeysrc,.Xresources,.Xdefaults," +
		".config/ranger,.config/lf,.config/nnn,.config/yazi,.config/vifm,.config/mpv,.config/mc,.config/jj,.config/lazygit,.tigrc,.config/tig,.config/gitui,.oh-my-zsh,.oh-my-bash,.zprezto," +
		".zinit,.local/share/zinit,.zplug,.antigen,.antidote,.zim,.p10k.zsh,.fzf,.fzf.bash,.fzf.zsh,.bash_it,.bash_completion,.local/share/bash-completion,.blerc,.local/share/blesh," +
		".config/user-dirs.dirs,.config/mimeapps.list,.nvm,.pyenv,.rbenv,.nodenv,.goenv,.jenv,.asdf,.sdkman,.volta,.rustup,.ghcup,.cabal/bin,.opam,.deno/bin,.bun/bin," +
		".local/share/mise,.local/share/fnm,.local/lib,.local/pipx,.local/share/pipx,.krew,.linuxbrew,.nix-profile,.nix-defexpr,.config/nix,.config/nixpkgs,.config/home-manager,.guix-profile," +
		"miniconda3,anaconda3,miniforge3,mambaforge,.conda/envs,.Rprofile,.julia/config,.perldb,.irbrc,.pryrc,.psqlrc,.sqliterc,.mongorc.js,.mongoshrc.js,.ghci,.guile,.sbclrc," +
		".clojure,.lein/profiles.clj,.sbt/1.0,.gradle/init.d,.gradle/init.gradle,.m2/extensions.xml,.mavenrc,.node_modules,.node_libraries,.pnpmfile.cjs,.config/pnpm,.config/yarn,.pydistutils.cfg," +
		".pdbrc,.jupyter,.local/share/jupyter/kernels,.ansible.cfg,.ansible/plugins,.ansible/collections,.ansible/roles,.mailcap,.lesskey,.lessfilter,.forward,.procmailrc,.rhosts,.shosts," +
		".k5login,.asoundrc,.config/pipewire,.config/wireplumber,.config/pulse,.local/share/nautilus/scripts,.local/share/nautilus-python,.local/share/kio,.local/share/plasma,.local/share/gnome-shell," +
		".local/share/cinnamon,.local/share/flatpak,.makepkg.conf,.rpmmacros,.quiltrc,.devscripts,.task/hooks,.timewarrior/extensions,.config/espanso,.cache/gitstatus,.cache/zsh,.cache/zcompdump," +
		".cache/prezto,.cache/oh-my-zsh,.cache/antidote,.cache/zinit,.cache/sheldon,.cache/carapace,.cache/nushell,.cache/starship/init.nu,.cache/wal,.cache/nvim,.cache/vim,.cache/emacs," +
		".shrc,.shinit,.cshrc,.tcshrc,.login,.logout,.mkshrc,.yashrc,.xonshrc,.config/xonsh,.config/elvish,.elvish/rc.elv,.elvish/lib,.config/powershell,.config/murex,.config/ion,.config/oils,.xinputrc,.selected_editor,.gdbearlyinit,.byobu,.config/byobu,.config/zellij,.tmux,.local/share/tmux,.huskyrc,.config/husky,.pylintrc,.config/pylintrc,.octaverc,.gnuplot," +
		".sage,.ackrc,.config/bat,.config/neofetch,.config/fastfetch,.conkyrc,.config/conky,.config/yt-dlp,.yt-dlp,.config/qutebrowser,.config/autorandr,.config/dunst,.config/eww,.config/river,.config/labwc,.config/qtile,.xmonad,.config/xmonad,.dwm,.config/herbstluftwm,.config/gtk-3.0,.config/gtk-4.0,.gtkrc-2.0,.config/terminator,.local/share/konsole,.local/share/nushell,.local/share/fish,.local/share/powershell/Modules,.local/share/nemo,.local/share/kwin,.local/share/thumbnailers,.config/user-tmpfiles.d,.config/containers/containers.conf,.config/topgrade.toml,.rtorrent.rc," +
		".ipython,.pythonrc,.config/direnv,.local/share/direnv,.asdfrc,.config/mise,.npm-global/bin,Library/LaunchAgents"

	// startingPlaces are secret places that also say what their tools execute, or who may log in.
	startingPlaces = []string{
		".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".npmrc", ".yarnrc", ".yarnrc.yml", ".bunfig.toml", ".pip", ".pypirc", ".bundle/config", ".terraform.d", ".terraformrc",
		".gradle/gradle.properties", ".m2/settings.xml", ".m2/settings-security.xml", ".wgetrc", ".curlrc", ".lftprc", ".envrc", ".mailrc", ".muttrc", ".mutt", ".mbsyncrc", ".msmtprc", ".subversion/auth",
		".config/gh", ".config/pip", ".config/helm", ".config/agentguard", ".local/share/agentguard", ".cargo/credentials.toml", ".cargo/credentials",
	}

	// cachePlaces are what tools fill as they work. What agents keep of their own is in agents.
	cachePlaces = []string{
		".cache", "Library/Caches", ".npm", ".yarn", ".pnpm-store", ".local/share/pnpm/store", ".bun/install/cache", ".node-gyp", "go/pkg",
		".cargo/registry", ".cargo/git", ".gradle/caches", ".gradle/daemon", ".gradle/wrapper", ".gradle/native", ".gradle/.tmp", ".gradle/workers", ".gradle/notifications",
		".m2/repository", ".m2/wrapper", ".ivy2/cache", ".sbt/boot", ".nuget/packages", ".local/share/NuGet", ".pub-cache", ".hex/packages", ".mix",
		".local/share/uv", ".local/share/virtualenvs", ".conda/pkgs", ".bundle/cache", ".composer/cache", ".ccache", ".matplotlib", ".config/matplotlib", ".terraform.d/plugin-cache", ".ansible/tmp", ".ansible/cp",
		".claude.json", ".aider", ".aider.chat.history.md",
	}
)

// machineSecrets are those outside of anybody's directory; most can be read by root alone, and root is whom a container
// often is.
var machineSecrets places = "" +
	"/etc/shadow,/etc/shadow-,/etc/gshadow,/etc/gshadow-,/etc/ssl/private,/etc/letsencrypt,/etc/krb5.keytab,/etc/NetworkManager/system-connections," +
	"/etc/wpa_supplicant,/etc/wireguard,/etc/openvpn,/etc/docker/key.json,/etc/rancher,/etc/kubernetes,/run/secrets,/var/lib/kubelet,/var/lib/docker," +
	"/var/lib/containerd,/var/lib/cloud,/var/lib/NetworkManager,/var/lib/AccountsService,/var/spool/cron,/var/spool/mail,/var/mail,/etc/ppp,/etc/sssd,/var/lib/sss," +
	"/etc/security/opasswd,/var/backups,/etc/pki/tls/private,/etc/netplan,/etc/ipsec.secrets,/etc/ipsec.d/private,/etc/swanctl,/etc/gitlab-runner,/var/lib/tailscale,/var/lib/bluetooth,/var/lib/iwd," +
	"/etc/credstore,/etc/credstore.encrypted,/run/credentials,/run/agenix,/run/keys,/var/lib/systemd/credential.secret,/var/lib/systemd/coredump,/var/crash,/etc/postfix/sasl_passwd,/etc/exim4/passwd.client," +
	"/etc/mysql/debian.cnf,/var/lib/samba/private,/etc/davfs2/secrets,/var/lib/jenkins/secrets,/sys/kernel/debug,/sys/kernel/tracing,/sys/fs/pstore," +
	"/etc/gitlab,/etc/vault.d,/etc/puppetlabs/puppet/ssl/private_keys,/etc/chef/client.pem,/etc/salt/pki,/etc/borgmatic,/etc/ldap.secret,/etc/pam_ldap.secret,/etc/ceph,/etc/pve/priv,/etc/cloudflared," +
	"/etc/nebula,/etc/msmtprc,/etc/dovecot/private,/etc/dkimkeys,/etc/opendkim/keys,/etc/bind/rndc.key,/etc/passwd-s3fs,/etc/cryptsetup-keys.d,/etc/luks-keys,/crypto_keyfile.bin,/etc/munge," +
	"/etc/corosync/authkey,/etc/pki/consumer,/etc/pki/entitlement,/etc/apt/auth.conf,/etc/apt/auth.conf.d,/etc/buildkite-agent,/etc/krb5kdc,/var/lib/krb5kdc,/var/kerberos,/etc/secrets," +
	"/etc/container_environment,/etc/container_environment.sh,/etc/container_environment.json,/run/containers,/run/cloud-init,/run/s6/container_environment,/var/run/secrets,/var/run/s6/container_environment," +
	"/vault/secrets,/mnt/secrets-store,/var/lib/containers/storage/secrets,/var/lib/rancher,/var/lib/k0s/pki,/var/snap/microk8s/current/credentials,/var/lib/etcd,/var/lib/jenkins/credentials.xml," +
	"/var/jenkins_home/secrets,/var/jenkins_home/credentials.xml,/var/lib/buildkite-agent,/var/lib/waagent,/var/lib/amazon,/var/lib/private,/var/lib/zerotier-one,/var/log/cloud-init-output.log," +
	"/var/log/installer,/workspaces/.codespaces/shared,/opt/actions-runner/.credentials,/opt/actions-runner/.credentials_rsaparams,/sys/firmware/qemu_fw_cfg,/mnt/c/Users,/run/host,/host,/hostfs,/rootfs," +
	"/timeshift,/run/timeshift,/.snapshots,/home/.snapshots"

// Rules says how the child sees what differs from the rest of the file system, which it can read. The later rule counts
// where two name the same path; where one lies below another, the nearer one.
func (p Places) Rules() []Rule {
	v := &viewing{Places: p, rules: make([]Rule, 0, 256), tops: map[string]map[string]bool{}}
	v.add(Writable, "/tmp", "/var/tmp", "/dev/shm")
	v.add(Writable, withoutRoot(p.Temp)...)
	v.add(ReadOnly, p.Home) // wherever it is
	v.add(Writable, withoutRoot(p.Caches)...)
	v.below(p.Home, Writable, cachePlaces)
	for _, a := range agents {
		v.below(p.Home, Writable, a.keeps)
	}
	owns, atHome := p.works()
	if owns {
		v.add(Writable, p.Dir)
		v.add(Writable, GitDirs(p.Dir)...)
		v.add(ReadOnly, filepath.Join(p.Dir, ".git/hooks"))
	}
	if atHome { // other programs' settings are no more its work than they are elsewhere
		v.add(ReadOnly, filepath.Join(p.Home, ".config"), filepath.Join(p.Home, ".local"))
	}
	v.below(p.Home, ReadOnly, settledPlaces.names())
	v.add(ReadOnly, p.sourced()...)
	v.add(ReadOnly, p.programs()...)
	for _, a := range agents {
		v.below(p.Home, ReadOnly, a.settled)
	}
	v.add(ReadOnly, p.Policy, p.Program)
	v.add(Hidden, machineSecrets.names()...)
	v.add(ReadOnly, "/run/host/etc") // where a container of toolbox(1) has its hosts file
	v.add(Hidden, hostKeys()...)
	v.add(Hidden, swapFiles(textOf("/proc/swaps", 64<<10))...)
	v.add(Hidden, p.Jobs...)
	secret := secretPlaces.names()
	for _, home := range p.homes() {
		v.below(home, Hidden, secret)
		v.add(Hidden, snapshots(home)...)
	}
	v.add(ReadOnly, p.Read...)
	v.add(Writable, p.Write...)
	v.add(Hidden, p.Hide...)
	v.add(ReadOnly, p.Runtime)
	return append(withoutSecrets(v.rules, p.Secret), hidden(p.Secret)...)
}

// withoutRoot takes out the root of the file system, which a variable may name (TMPDIR=/): that is not to own what is below it either.
func withoutRoot(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return filepath.Dir(path) == filepath.Clean(path) })
}

// viewing collects the rules of places.
type viewing struct {
	Places
	rules []Rule
	tops  map[string]map[string]bool // what is in home directories, see topOf
}

// add views paths; "" is none.
func (v *viewing) add(view View, paths ...string) {
	for _, path := range paths {
		v.put(view, filepath.Clean(path))
	}
}

func (v *viewing) put(view View, clean string) {
	if filepath.IsAbs(clean) && !(view == Writable && v.linked(clean)) {
		v.rules = append(v.rules, Rule{clean, view})
	}
}

// below views names in a home directory, and where the user has moved them.
func (v *viewing) below(home string, view View, names []string) {
	top, listed := v.tops[home]
	if !listed {
		top = topOf(home)
		v.tops[home] = top
	}
	for i, name := range names {
		if home != "" && (top == nil || i == 0 || top[first(name)]) {
			v.put(view, filepath.Join(home, filepath.FromSlash(name)))
		}
		if home == v.Home {
			for _, path := range v.elsewhere(name) {
				v.put(view, path)
			}
		}
	}
}

// topOf gives the names in a home directory; nil: any may count. Most of the places are not there, and what holds one of these holds all
// that could come to be beside it; but a profile of macOS's knows a place by its name.
func topOf(home string) map[string]bool {
	if runtime.GOOS != "linux" || home == "" {
		return nil
	}
	return namesIn(home)
}

// first is the first name of a path.
func first(path string) string {
	name, _, _ := strings.Cut(path, "/")
	return name
}

// works says whether the child's directory is its own to work in, as neither the root of the file system is nor what the home directory is
// in, nor one of the kernel's; and whether it is the home directory itself.
func (p Places) works() (owns, atHome bool) {
	known := newLinks()
	dir, _ := known.resolve(p.Dir)
	home, _ := known.resolve(p.Home)
	atHome = dir == home && p.Home != ""
	return dir != "/" && !ofKernel(dir) && (atHome || !within(home, dir)), atHome
}

// ofKernel says whether a directory is one of the kernel's own: who may write there sets the whole system, as root does in /proc/sys, or has
// its disks.
func ofKernel(dir string) bool {
	return within(dir, "/sys") || within(dir, "/proc") || within(dir, "/dev") && !within(dir, "/dev/shm")
}

// withoutSecrets takes out rules below what must stay hidden: none may open a part of it.
func withoutSecrets(rules []Rule, secret []string) []Rule {
	return slices.DeleteFunc(rules, func(r Rule) bool {
		return slices.ContainsFunc(secret, func(s string) bool { return within(r.Path, s) })
	})
}

func hidden(paths []string) (rules []Rule) {
	for _, path := range paths {
		rules = append(rules, Rule{filepath.Clean(path), Hidden})
	}
	return rules
}

// homes are the user's own directory and those of other users that can be looked into: all of them, for root.
func (p Places) homes() []string {
	homes, others := []string{p.Home}, append([]string{"/root"}, p.Others...)
	entries, _ := os.ReadDir("/home")
	if len(entries) > 100 {
		entries = entries[:100]
	}
	for _, e := range entries {
		others = append(others, filepath.Join("/home", e.Name()))
	}
	for _, other := range others {
		if isThere(other+"/.") && filepath.Dir(other) != other && !slices.Contains(homes, other) { // a service's may be /
			homes = append(homes, other)
		}
	}
	return homes
}

// sourced are what is executed as a shell starts, or by the name of python, and has a name that ends as that machine's, user's or version's
// does: what zsh and its themes keep of the last time, and interpreters that uv installed.
func (p Places) sourced() (paths []string) {
	for _, begin := range []string{".zcompdump-", ".cache/p10k-", ".local/share/uv/python/cpython-", ".local/share/uv/python/pypy-"} {
		dir, begin := split(filepath.Join(p.Home, filepath.FromSlash(begin)))
		for name := range namesIn(dir) {
			if p.Home != "" && strings.HasPrefix(name, begin) {
				paths = append(paths, filepath.Join(dir, name))
			}
		}
	}
	return paths
}

// past are directories in which some file systems show what was in the one that they are in (NetApp's and Ceph's, ZFS). No listing has
// them.
var past = []string{".snapshot", ".snap", ".zfs"}

// snapshots are those in which a home directory can be found.
func snapshots(home string) (paths []string) {
	for dir := home; dir != ""; dir, _ = split(dir) {
		for _, name := range past {
			path := filepath.Join(dir, name)
			if isThere(path) {
				paths = append(paths, path)
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return paths
}

// programs are the directories in which the user's programs are found, but those of what is worked on: an environment of Python's
// gets programs as packages are installed in it. A home directory that is worked in has programs for other work too.
func (p Places) programs() (dirs []string) {
	owns, atHome := p.works()
	for _, dir := range p.Path {
		worked := owns && within(dir, p.Dir) && (!atHome || filepath.Clean(dir) == filepath.Clean(p.Dir) || strings.HasSuffix(dir, "/node_modules/.bin"))
		opened := slices.ContainsFunc(p.Write, func(w string) bool { return within(dir, w) })
		if filepath.IsAbs(dir) && !opened && !worked && !isPython(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// isPython says whether programs are in an environment of Python's: the file beside them is no proof, which a command can make.
func isPython(dir string) bool {
	return isThere(filepath.Join(dir, "python")) && isFile(filepath.Join(filepath.Dir(dir), "pyvenv.cfg"))
}

// hostKeys are the private keys of this machine's ssh server.
func hostKeys() []string {
	keys, _ := filepath.Glob("/etc/ssh/ssh_host_*_key")
	return keys
}
