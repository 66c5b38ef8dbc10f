// Command mutants puts small faults into a package, one at a time, and asks the package's tests, then those of packages
// that depend on it, whether they notice. What nobody notices it holds against a list of faults that change nothing
// anybody could see, with the reason for each.
//
//	mutants [-kept FILE] [-within 90] [-sample N] [-seed S] [-statements] [-own] [-whole] [-leave REGEXP] <package> ...
//
// It prints a line for each package and every fault that nobody found, and fails when fewer than 90% of a package's
// faults are found, those on the list aside, or when a fault that is not on the list was not found.
//
// All faults of a package are compiled into its test binaries at once, each behind a number, and a variable of the
// environment chooses one of them for a run: a build a package in place of one a fault. A fault that does not compile is
// left out of every count. Which test reaches which fault is written down first, so a fault is asked of the tests that
// can see it and of no others. A test that takes five times the processor time that it takes without the fault has found
// it, and so has one that hangs.
//
// A line of the list is "package | file | kind | line of source | reason"; lines that begin with # are comments. With
// two faults of one kind in a line both are meant.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"strings"
)

type config struct {
	kept       string
	within     int
	sample     int
	seed       uint64
	statements bool
	own, whole bool
	leave      *regexp.Regexp
	workers    int
	verbose    bool
}

func main() {
	var c config
	var leave string
	flag.StringVar(&c.kept, "kept", ".ci/survivors", "the list of faults that change nothing anybody could see")
	flag.IntVar(&c.within, "within", 90, "percent of the faults that must be found")
	flag.IntVar(&c.sample, "sample", 0, "faults of a package that are tried, chosen by -seed; 0: all")
	flag.Uint64Var(&c.seed, "seed", 1, "of the sample")
	flag.BoolVar(&c.statements, "statements", false, "leave out statements, too")
	flag.BoolVar(&c.own, "own", false, "ask the package's own tests alone")
	flag.BoolVar(&c.whole, "whole", false, "ask all tests of storage last")
	flag.StringVar(&leave, "leave", `dump\.go$`, "files without faults")
	flag.IntVar(&c.workers, "workers", 1, "tests at once")
	flag.BoolVar(&c.verbose, "v", false, "tell of each fault")
	flag.Parse()
	reasons, err := readKept(c.kept)
	if err == nil {
		c.leave, err = regexp.Compile(leave)
	}
	if err != nil || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mutants [flags] <package> ...", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	good := true
	for _, pkg := range flag.Args() {
		ok, err := judge(ctx, pkg, reasons, c)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", pkg, err)
			os.Exit(2)
		}
		good = good && ok
	}
	if !good {
		os.Exit(1)
	}
}

// judge goes through the faults of a package.
func judge(ctx context.Context, pkg string, reasons map[string]bool, c config) (good bool, err error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	p, err := load(pkg, c.leave, c.statements)
	if err != nil {
		return false, err
	}
	asked, err := binaries(ctx, dir, p, c)
	if err != nil {
		return false, err
	}
	tried := chosen(p.faults, c.sample, c.seed)
	found, err := try(ctx, asked, tried, c)
	if err != nil {
		return false, err
	}
	var own, others, explained int
	var left []string
	for i, f := range tried {
		switch {
		case found[i] == 1:
			own++
		case found[i] > 1:
			others++
		case reasons[f.key(pkg)]:
			explained++
		default:
			left = append(left, fmt.Sprintf("%s (line %d, column %d%s)", f.key(pkg), f.line, f.column, asked.reached(f)))
		}
	}
	all := own + others + len(left)
	share := 100 * (own + others) / max(all, 1)
	of := ""
	if len(tried) < len(p.faults) {
		of = fmt.Sprintf(" of %d (seed %d)", len(p.faults), c.seed)
	}
	fmt.Printf("%-18s %4d faults%s, %4d found by its tests, %4d by others, %3d explained, %3d not found: %d%%\n", pkg, len(tried), of, own, others, explained, len(left), share)
	if p.unbuilt > 0 {
		fmt.Printf("    %d more do not compile and count for nothing\n", p.unbuilt)
	}
	fmt.Println("    " + strings.Join(left, "\n    "))
	return len(left) == 0 && share >= c.within, nil
}

// chosen returns a sample of the faults in their order, or all of them.
func chosen(faults []*fault, n int, seed uint64) []*fault {
	if n == 0 || n >= len(faults) {
		return faults
	}
	in := make([]bool, len(faults))
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(faults))[:n] {
		in[i] = true
	}
	var list []*fault
	for i, f := range faults {
		if in[i] {
			list = append(list, f)
		}
	}
	return list
}
