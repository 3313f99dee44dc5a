package proc

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// Parent reads the fourth field of /proc/PID/stat; the second, a name in brackets, may hold anything.
func Parent(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// maxDescendants bounds a walk down the process tree.
const maxDescendants = 4096

// Descendants lists the processes below one, as /proc/PID/task/TID/children has them; none where the kernel was built
// without that file.
func Descendants(pid int) []int {
	queue := []int{pid}
	for i := 0; i < len(queue) && len(queue) < maxDescendants; i++ {
		tasks := "/proc/" + strconv.Itoa(queue[i]) + "/task"
		dir, err := os.Open(tasks)
		if err != nil {
			continue
		}
		threads, _ := dir.Readdirnames(-1)
		dir.Close()
		for _, thread := range threads {
			children, _ := os.ReadFile(tasks + "/" + thread + "/children")
			for _, child := range strings.Fields(string(children)) {
				if id, err := strconv.Atoi(child); err == nil {
					queue = append(queue, id)
				}
			}
		}
	}
	return queue[1:]
}
