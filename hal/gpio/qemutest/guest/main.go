// Command guest is the first program of the machine in which tests meet a real
// kernel: it mounts what they need, runs them, and switches the machine off.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

func main() {
	defer func() { _ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF) }()
	for _, m := range [][2]string{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"debugfs", "/sys/kernel/debug"}, {"tmpfs", "/tmp"}} {
		if err := syscall.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			fmt.Println("cannot mount", m[1], err)
		}
	}
	tests, err := filepath.Glob("/tests/*")
	if err != nil {
		fmt.Println(err)
	}
	for _, path := range tests {
		cmd := exec.CommandContext(context.Background(), path, "-test.v", "-test.run", "^TestKernel", "-test.timeout", "3m")
		cmd.Stdout, cmd.Stderr, cmd.Dir = os.Stdout, os.Stderr, "/tmp"
		if err := cmd.Run(); err != nil {
			fmt.Println("suite failed:", path, err)
			continue
		}
		fmt.Println("suite passed:", path)
	}
}
