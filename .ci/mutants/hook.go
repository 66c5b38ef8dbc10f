package main

// hook is compiled into the package: what calls of it do is what the source says, but for the fault that the environment
// chooses. The byte of a fault that is reached is set in a file, if there is one: it stays when the process ends.
const hook = `package %s

import (
	"cmp"
	"os"
	"strconv"
	"syscall"
)

var fault_Chosen, fault_Seen = fault_Start()

func fault_Start() (int, []byte) {
	n, _ := strconv.Atoi(os.Getenv("SILTSTONE_FAULT"))
	f, err := os.OpenFile(os.Getenv("SILTSTONE_FAULTS_SEEN"), os.O_RDWR, 0)
	if err != nil {
		return n, nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		panic(err)
	}
	seen, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return n, seen
}

func fault_At(id int) bool {
	if fault_Seen != nil {
		fault_Seen[id] = 1
	}
	return id == fault_Chosen
}

type fault_Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

type fault_Number interface {
	fault_Integer | ~float32 | ~float64
}

func fault_Here(id int) bool { return !fault_At(id) }

func fault_Not(id int, x bool) bool { return x != fault_At(id) }

func fault_Drop(id int, neutral, x bool) bool {
	if fault_At(id) {
		return neutral
	}
	return x
}

func fault_Minus[T fault_Number](id int, x T) T {
	if fault_At(id) {
		return x
	}
	return -x
}

func fault_Add[T fault_Number](id int, x, y T) T {
	if fault_At(id) {
		return x - y
	}
	return x + y
}

func fault_Sub[T fault_Number](id int, x, y T) T {
	if fault_At(id) {
		return x + y
	}
	return x - y
}

func fault_Mul[T fault_Number](id int, x, y T) T {
	if fault_At(id) {
		return x / y
	}
	return x * y
}

func fault_Div[T fault_Number](id int, x, y T) T {
	if fault_At(id) {
		return x * y
	}
	return x / y
}

func fault_Rem[T fault_Integer](id int, x, y T) T {
	if fault_At(id) {
		return x * y
	}
	return x %% y
}

func fault_Less[T cmp.Ordered](id int, x, y T) bool {
	if fault_At(id) {
		return x <= y
	}
	return fault_Not(id+1, x < y)
}

func fault_AtMost[T cmp.Ordered](id int, x, y T) bool {
	if fault_At(id) {
		return x < y
	}
	return fault_Not(id+1, x <= y)
}

func fault_More[T cmp.Ordered](id int, x, y T) bool {
	if fault_At(id) {
		return x >= y
	}
	return fault_Not(id+1, x > y)
}

func fault_AtLeast[T cmp.Ordered](id int, x, y T) bool {
	if fault_At(id) {
		return x > y
	}
	return fault_Not(id+1, x >= y)
}
`
