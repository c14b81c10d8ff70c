//go:build linux || darwin

package store

import "syscall"

// freeBytes is what this process may still write beside a folder, 0 when nobody
// can tell.
func freeBytes(dir string) int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0
	}
	return int64(st.Bavail * uint64(st.Bsize))
}
