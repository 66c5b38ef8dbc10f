package mem

import "syscall"

// TrimIdle gives back to the system those free pages that were not needed since the last call, and returns how many
// bytes they are. Called every few seconds it leaves busy pages alone: what waits in the free lists at their lowest is
// what nobody needs.
func TrimIdle() int64 {
	free.Lock()
	defer free.Unlock()
	n := 0
	for c := pageKeepShift; c >= pageMinShift; c-- {
		list := free.pages[c]
		for len(list) > 0 && n+1<<c <= free.lowest {
			b := list[0] // the longest there
			list[0] = nil
			list = list[1:]
			if err := syscall.Munmap(b); err != nil {
				panic("mem: TrimIdle of a page that cannot be unmapped: " + err.Error())
			}
			n += len(b)
		}
		free.pages[c] = list
	}
	free.bytes -= n
	free.lowest = free.bytes
	return int64(n)
}
