//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times under /proc: USER_HZ is 100 on every architecture that Go knows.
const tick = 10 * time.Millisecond

// family is a process with its children, who may be where the work is done.
func family(pid int) []int {
	all := []int{pid}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range bytes.Fields(children) {
		if child, err := strconv.Atoi(string(f)); err == nil {
			all = append(all, family(child)...)
		}
	}
	return all
}

// cpuTime is what a process and its children have used, in user space and in the kernel.
func cpuTime(pid int) (time.Duration, error) {
	var sum time.Duration
	for _, p := range family(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			return 0, err
		}
		used, err := parseStat(string(text))
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", p, err)
		}
		sum += used
	}
	return sum, nil
}

// parseStat adds utime and stime, the fields 14 and 15 of proc_pid_stat(5). The second field is
// a name that may hold anything, so what is behind its bracket is counted.
func parseStat(text string) (time.Duration, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("too short: %q", text)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		return 0, err
	}
	return time.Duration(user+system) * tick, nil
}

// resident is the memory of a process and its children in KB, VmRSS. Pages that several of them
// have are counted for each.
func resident(pid int) (int, error) {
	sum := 0
	for _, p := range family(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), "VmRSS:")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0, fmt.Errorf("/proc/%d/status: no VmRSS", p)
		}
		kb, err := strconv.Atoi(fields[0])
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/status: %w", p, err)
		}
		sum += kb
	}
	return sum, nil
}

// coreTime is what everybody has used of a core.
func coreTime(core int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), fmt.Sprintf("\ncpu%d ", core))
	line, _, _ := strings.Cut(rest, "\n")
	return parseCore(line)
}

// parseCore adds all but idle and iowait, the fields 4 and 5 of proc_stat(5), and guest times,
// which are in the first two.
func parseCore(line string) (time.Duration, error) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return 0, fmt.Errorf("/proc/stat: too short: %q", line)
	}
	sum := 0
	for i, f := range fields[:8] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 {
			sum += n
		}
	}
	return time.Duration(sum) * tick, nil
}
