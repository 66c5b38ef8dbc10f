//go:build !amd64 || purego

package kernel

const wide = false

func ranges16(*uint16, int, uint16, uint16, *uint64) {}

func ranges32(*uint32, int, uint32, uint32, *uint64) {}
