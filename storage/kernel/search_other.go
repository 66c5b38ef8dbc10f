//go:build !amd64 || purego

package kernel

func searchPair(*byte, int, int, byte, byte) int { return -1 }
