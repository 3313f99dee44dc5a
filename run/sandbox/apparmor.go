package sandbox

import "strings"

// AppArmorFile is where AppArmorProfile belongs.
const AppArmorFile = "/etc/apparmor.d/agentguard"

// AppArmorProfile is what lets the program at path, and nobody else, make user namespaces where AppArmor reserves them for
// programs with a profile (Ubuntu 23.10 and later; apparmor.d(5), "userns"). It restricts nothing.
func AppArmorProfile(path string) string {
	return `abi <abi/4.0>,
include <tunables/global>

profile agentguard "` + apparmorEscape.Replace(path) + `" flags=(unconfined) {
  userns,

  include if exists <local/agentguard>
}
`
}

// apparmorEscape takes their meaning from the characters that have one in a profile's paths.
var apparmorEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`, "^", `\^`, "@", `\@`)
