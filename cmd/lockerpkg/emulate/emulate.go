// Package emulate runs programs for ARM on this machine, by qemu-user.
//
// Programs start others: what an emulated one starts must be emulated, too. So each
// command has a binfmt_misc of its own, in a user namespace: nothing is registered on the
// machine around. That needs Linux 6.7 and qemu-user-static.
package emulate

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Processor is a kind of processor, as qemu-user has it.
type Processor struct {
	Emulator string // name of the program
	CPU      string // name of the model
	class    byte   // of the ELF header: 1 has 32 bits, 2 has 64
	machine  byte   // e_machine
}

// ARM1176 is the ARMv6 of the Raspberry Pi 1 and Zero.
func ARM1176() Processor {
	return Processor{Emulator: "qemu-arm-static", CPU: "arm1176", class: 1, machine: 40}
}

// CortexA53 is the arm64 of the Raspberry Pi 3.
func CortexA53() Processor {
	return Processor{Emulator: "qemu-aarch64-static", CPU: "cortex-a53", class: 2, machine: 183}
}

// inside registers the emulator and becomes the program.
const inside = `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && printf %s "$1" >/proc/sys/fs/binfmt_misc/register || exit 125
shift; exec "$@"`

// Command is a program for p, or for this machine, among emulated children. It has the
// name of root in its namespace, and is who we are outside.
func (p Processor) Command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	cmd := p.command(ctx, exe, args...)
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	return cmd
}

// Root is Command for root, with all the users that files of a system belong to, and
// processes of its own: with the first one all of them end.
func (p Processor) Root(ctx context.Context, exe string, args ...string) *exec.Cmd {
	const users = 1 << 16
	cmd := p.command(ctx, exe, args...)
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{Size: users}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{Size: users}}
	cmd.SysProcAttr.GidMappingsEnableSetgroups = true
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWPID
	return cmd
}

func (p Processor) command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	where, err := exec.LookPath(p.Emulator)
	if err != nil {
		where = p.Emulator // the kernel says that it is missing
	}
	header := fmt.Sprintf(`\x7f\x45\x4c\x46\x%02x\x01`, p.class) + strings.Repeat(`\x00`, 10) + fmt.Sprintf(`\x02\x00\x%02x\x00`, p.machine)
	mask := strings.Repeat(`\xff`, 6) + strings.Repeat(`\x00`, 10) + `\xfe\xff\xff\xff` // a program, or one that may lie anywhere
	rule := ":lockerd:M::" + header + ":" + mask + ":" + where + ":F"
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", inside, "sh", rule, exe}, args...)...)
	cmd.Env = append(os.Environ(), "QEMU_CPU="+p.CPU)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS}
	cmd.WaitDelay = time.Second
	return cmd
}
