//go:build !linux

package pgwire

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerGone tells whether the other end has closed the connection. Without POLLRDHUP it is seen only when no unread
// bytes stand before the end.
func peerGone(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	rc.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = err == nil && n == 0
	})
	return gone
}
