package run

import (
	"cmp"
	"net"
	"os"
	"path/filepath"

	"agentguard/run/sandbox"
)

// planFence begins to prepare what keeps a filtered child in: that takes its time, and there is other work to do.
func (s *session) planFence() error {
	if s.level.Level != sandbox.Filtered {
		return nil
	}
	if err := s.listen(); err != nil { // the fence has a gap at this port
		return err
	}
	places := s.places()
	s.makeFirst(places)
	temp := s.ownTemp()
	places.Temp = append(places.Temp, temp)
	if err := s.makeOwnDirs(temp, func(place string) bool { return !s.opens(place) }); err != nil {
		return failure(err, "")
	}
	s.toolCaches(places)
	if s.env.Get("XDG_RUNTIME_DIR") != "" { // which is full of sockets
		s.ownDirs["XDG_RUNTIME_DIR"] = temp
	}
	s.fence = &sandbox.Fence{Places: places, User: s.User.Boxed(), Nested: s.Policy.Isolation.Nested}
	if a, ok := s.main.Addr().(*net.TCPAddr); ok {
		s.fence.Ports = append(s.fence.Ports, uint16(a.Port))
	}
	for _, to := range s.Policy.Isolation.AllowTCP {
		s.fence.Ports = append(s.fence.Ports, to.Port())
	}
	s.frozen = begin(s.fence.Prepare)
	return nil
}

// ownTemp is for the temporary files of a child that cannot make any in the usual place.
func (s *session) ownTemp() string { return filepath.Join(s.dir, "tmp") }

// raiseFence waits for the fence, and says what of it a person should know.
func (s *session) raiseFence() error {
	if s.frozen == nil {
		return nil
	}
	frozen, err := s.frozen()
	if err != nil {
		return s.unmet(err)
	}
	s.loose = s.fence.Loose()
	for _, dir := range frozen {
		s.Say("isolation filtered: files in %s can be changed, and no new ones made: something in it is hidden", dir)
		if dir == s.childTemp() {
			s.temp = s.ownTemp()
		}
	}
	return nil
}

// makeOwnDirs makes a directory for temporary files, and in it an empty place for programs that fail where theirs is closed to them.
func (s *session) makeOwnDirs(temp string, closed func(place string) bool) error {
	s.ownDirs = map[string]string{}
	return s.User.Do(func() error {
		err := os.MkdirAll(temp, 0o700) // it may be there, for a level that did not work
		for name, place := range map[string]string{"GH_CONFIG_DIR": ".config/gh", "GNUPGHOME": ".gnupg"} {
			if err == nil && closed(place) {
				s.ownDirs[name] = filepath.Join(temp, filepath.Base(place))
				err = os.MkdirAll(s.ownDirs[name], 0o700)
			}
		}
		return err
	})
}

// toolCaches tells tools of a place in .cache where the usual one is not there, which they could not make and fail without.
func (s *session) toolCaches(p sandbox.Places) {
	cache := cmp.Or(s.env.Get("XDG_CACHE_HOME"), filepath.Join(p.Home, ".cache"))
	for _, c := range [][3]string{
		{"BUNDLE_USER_CACHE", ".bundle/cache", "bundle"}, {"GEM_SPEC_CACHE", ".local/share/gem/specs", "gem"},
		{"CARGO_HOME", ".cargo", "cargo"}, {"GRADLE_USER_HOME", ".gradle", "gradle"}, {"MAVEN_USER_HOME", ".m2", "maven"},
		{"YARN_GLOBAL_FOLDER", ".yarn", "yarn"},
	} {
		if p.Home != "" && s.env.Get(c[0]) == "" && p.Lacks(c[1]) {
			s.ownDirs[c[0]] = filepath.Join(cache, c[2])
		}
	}
	if p.Home != "" && p.Lacks(".m2") { // that variable is of its wrapper alone
		s.maven = filepath.Join(cache, "maven/repository")
	}
}

// childTemp is where the child would put temporary files.
func (s *session) childTemp() string {
	dir := s.env.Get("TMPDIR")
	if dir == "" {
		dir = "/tmp"
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}
