package sandbox

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestOtherNames: what is shown in several places is held in each, but where it is said to be writable.
func TestOtherNames(t *testing.T) {
	const list = `1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:2 / /data rw - ext4 /dev/sda2 rw
3 1 8:2 /home /home rw - ext4 /dev/sda2 rw
4 1 8:2 /home/me/.aws/sso /srv/a\040b rw - ext4 /dev/sda2 rw
5 1 8:2 /home/me/work /work rw - ext4 /dev/sda2 rw
6 1 8:3 / /home/other rw - ext4 /dev/sda3 rw
7 1 8:1 / /run/host rw - ext4 /dev/sda1 rw
8 1 0:5 / /run rw - tmpfs tmpfs rw
`
	got := otherNames(map[string]View{
		"/home/me": ReadOnly, "/home/me/.aws": Hidden, "/home/me/.bashrc": ReadOnly, "/home/me/work": Writable, "/home/other/.ssh": Hidden, "/etc/shadow": Hidden, "/": Writable,
	}, mountPoints(list))
	want := map[string]View{
		"/data/home/me": ReadOnly, "/data/home/me/.aws": Hidden, "/srv/a b": Hidden, "/data/home/me/.bashrc": ReadOnly, "/run/host/etc/shadow": Hidden,
		"/run/host/home": Hidden, "/run/host/data": Hidden, "/run/host/srv/a b": Hidden, "/run/host/run": Hidden, "/data/home/other": Hidden,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := otherNames(map[string]View{"/x": Hidden}, nil); len(got) > 0 {
		t.Error(got)
	}
}

// TestLayers: of what an overlay shows as one, the directories that it is made of hold the same by other names, and it by those of theirs.
func TestLayers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes root, who mounts")
	}
	dir := files(t, "low/.netrc", "low/plain", "up/.aws/config")
	at := func(name string) string { return filepath.Join(dir, name) }
	os.Mkdir(at("other"), 0o755)
	os.Mkdir(at("tmp"), 0o755)
	os.Mkdir(at("home"), 0o755)
	options := "lowerdir=" + at("low") + ":" + at("other") + ",upperdir=" + at("up") + ",workdir=" + at("tmp")
	if err := syscall.Mount("overlay", at("home"), "overlay", 0, options); err != nil {
		t.Skip("no overlays here: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(at("home"), syscall.MNT_DETACH) })
	try(t, dir, Config{Rules: []Rule{{at("home/.netrc"), Hidden}, {at("home/.aws"), Hidden}}}, []attack{
		{"the lower one", "cat low/.netrc", "secret"},
		{"the upper one", "cat up/.aws/config", "secret"},
	})
	try(t, dir, Config{Rules: []Rule{{at("low/.netrc"), Hidden}, {at("up/.aws"), Hidden}}}, []attack{
		{"what is made of the lower one", "cat home/.netrc", "secret"},
		{"what is made of the upper one", "cat home/.aws/config", "secret"},
	})
	part := []mountPoint{{"0:9", "/me", "overlay", at("home"), []string{dir}}}
	if got := layerNames(map[string]View{at("me"): ReadOnly, at("me/.aws"): Hidden, at("low"): Hidden}, part); !maps.Equal(got, map[string]View{at("home"): ReadOnly, at("home/.aws"): Hidden}) {
		t.Error("of a part that is shown alone:", got)
	}
	if got := layerNames(map[string]View{at("home/.netrc"): Hidden, at("home/plain"): Writable, at("home/missing"): Hidden}, ourMounts()); !maps.Equal(got, map[string]View{at("low/.netrc"): Hidden}) {
		t.Error(got)
	}
	if got := layersOf("overlay overlay rw,lowerdir=l/ABC:/a\\040b,lowerdir+=/c,upperdir=/d,workdir=/e"); fmt.Sprint(got) != "[/a b /c /d]" {
		t.Errorf("%q", got)
	}
}

// TestMountedTwice: by the name that a second mount gives it a secret cannot be read either, nor a start file changed, and where
// Landlock alone holds files neither.
func TestMountedTwice(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes root, who mounts")
	}
	dir := files(t, "home/.netrc", "home/.aws/config", "home/.bashrc", "home/plain", "work/x")
	home, twice := filepath.Join(dir, "home"), filepath.Join(dir, "twice")
	os.Mkdir(twice, 0o755)
	if err := syscall.Mount(dir, twice, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(twice, syscall.MNT_DETACH) })
	rules := []Rule{{dir, Writable}, {filepath.Join(home, ".netrc"), Hidden}, {filepath.Join(home, ".aws"), Hidden}, {filepath.Join(home, ".bashrc"), ReadOnly}}
	try(t, twice, Config{Rules: rules}, []attack{
		{"a file", "cat home/.netrc", "secret"},
		{"a directory", "cat home/.aws/*", "secret"},
		{"a start file", "echo evil >> home/.bashrc && tail -1 home/.bashrc", "evil"},
	})
	if out, _ := inBox(t, Config{Rules: rules}, "cat '"+twice+"/home/plain'"); !strings.Contains(out, "secret of home/plain") {
		t.Errorf("what is beside: %s", out)
	}
	p := Places{Home: home, Dir: filepath.Join(dir, "work")}
	grants, err := Grant(newSurvey().settle([]Rule{{filepath.Join(home, ".netrc"), Hidden}, {filepath.Join(home, ".pgpass"), Hidden}}, p), os.ReadDir)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(grants.Rules)
	for _, name := range []string{".netrc", ".pgpass"} {
		if strings.Contains(all, " "+filepath.Join(twice, "home", name)+"}") {
			t.Errorf("filtered: %q is granted by its other name", name)
		}
	}
	if !strings.Contains(all, filepath.Join(twice, "home/plain")) {
		t.Errorf("filtered: what is beside it is not granted by its other name: %s", all)
	}
}

func TestSwapFiles(t *testing.T) {
	const list = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-1                               partition\t8388604\t\t0\t\t-2\n" +
		"/swap.img                               file\t\t2097148\t\t12\t\t-3\n/data/my\\040swap                          file\t\t2097148\t\t12\t\t-4\n"
	if got := swapFiles(list); !slices.Equal(got, []string{"/swap.img", "/data/my swap"}) {
		t.Errorf("%q", got)
	}
}
