//go:build !linux

package config

// machineMemory returns the bytes of memory this process may use at most; where the system is not asked, 4 GiB.
func machineMemory() int64 { return 4 << 30 }
