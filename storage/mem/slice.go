package mem

import "unsafe"

// View sees bytes as a slice of T; len(b) is cut to whole elements. b must be aligned for T, as pages are. T must hold
// no pointers.
func View[T any](b []byte) []T {
	var z T
	n := len(b) / int(unsafe.Sizeof(z))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// Bytes sees a slice of T as its bytes.
func Bytes[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	var z T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(z)))
}

// Slice allocates n zeroed elements off-heap, charged to the account. ReleaseSlice gives them back.
func Slice[T any](a *Account, n int) ([]T, error) {
	var z T
	b, err := a.Alloc(n * int(unsafe.Sizeof(z)))
	if err != nil || b == nil {
		return nil, err
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), nil
}

// ReleaseSlice gives back what Slice returned.
func ReleaseSlice[T any](a *Account, s []T) {
	if cap(s) == 0 {
		return
	}
	var z T
	n := cap(s) * int(unsafe.Sizeof(z))
	size := 1 << class(n)
	a.Release(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size))
}
