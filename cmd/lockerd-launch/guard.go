package main

import (
	"os"
	"strconv"
	"syscall"
	"time"

	"lockerd/daemon/slots"
)

// guardLook is how often a guard looks whether its program still lives.
const guardLook = time.Second

// startGuard starts a guard of this process. It holds none of its files but
// stderr, and ends with it.
func startGuard(o *options) (pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	args := []string{"lockerd-launch", "--dir", o.dir, "--deadline", o.deadline.String(), "--guard", strconv.Itoa(os.Getpid())}
	p, err := os.StartProcess(self, args, &os.ProcAttr{
		Files: []*os.File{null, null, os.Stderr}, Env: setenv(os.Environ(), "NOTIFY_SOCKET", ""),
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, err
	}
	pid = p.Pid
	return pid, p.Release()
}

// guard ends the program on trial at the deadline if nobody has decided on it
// by then. A program that has failed itself is left alone: it waits for
// its doors to be shut.
func guard(d *slots.Dir, parent int, deadline time.Duration) int {
	end := time.Now().Add(deadline)
	for os.Getppid() == parent {
		s, _, err := d.Load()
		switch {
		case err == nil && (s.Trial == nil || s.Trial.Phase != slots.Trying):
			return 0
		case time.Now().After(end):
			say("the update has not been confirmed within " + deadline.String() + ": ending it")
			return kill(d, parent, deadline)
		}
		time.Sleep(min(guardLook, max(time.Until(end), time.Millisecond)))
	}
	return 0
}

func kill(d *slots.Dir, parent int, deadline time.Duration) int {
	_, err := d.Change(func(s slots.State) (slots.State, error) {
		return s.Fail("it was not confirmed within " + deadline.String())
	})
	if err != nil {
		say(err.Error()) // its start is counted: the next one or the one after rolls back
	}
	if os.Getppid() != parent {
		return 0
	}
	if err := syscall.Kill(parent, syscall.SIGKILL); err != nil {
		say(err.Error())
		return 1
	}
	return 0
}
