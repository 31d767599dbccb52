package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	lockerd "lockerd/cmd/lockerd/cli"
	"lockerd/daemon/slots"
)

// Roles of the test binary started again.
const (
	roleEnv     = "LOCKERD_TEST_ROLE"
	roleLaunch  = "launch"  // the launcher
	roleLockerd = "lockerd" // the real program
	roleUpdate  = "update"  // one who stages and orders an update, until it is killed
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case roleLaunch:
		os.Exit(run(os.Args[1:]))
	case roleLockerd:
		lockerd.Version = os.Getenv("LOCKERD_TEST_VERSION")
		if os.Getenv("LOCKERD_SLOTS") != "" { // else it is the child that checks a file
			fmt.Printf("started %s\n", lockerd.Version)
		}
		os.Exit(lockerd.Run(os.Args[1:], os.Stdout, os.Stderr))
	case roleUpdate:
		os.Exit(stageForEver(os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
}

// stageForEver stages and orders one update after another, and confirms each.
func stageForEver(dir, file string) int {
	d := &slots.Dir{Path: dir}
	for {
		size, sum, err := slots.Measure(file)
		if err != nil {
			return say1(err)
		}
		f, err := os.Open(file)
		if err != nil {
			return say1(err)
		}
		if err := d.Put(slots.Program{Version: "v2", SHA256: sum, Size: size}, f, time.Now()); err != nil {
			return say1(err)
		}
		_ = f.Close()
		for _, step := range []func(slots.State) (slots.State, error){
			func(s slots.State) (slots.State, error) { return s.Arm(&slots.Health{Ready: true}) },
			func(s slots.State) (slots.State, error) { s, _ = s.Start(time.Now()); return s, nil },
			func(s slots.State) (slots.State, error) { return s.Confirm(slots.Health{Ready: true}, time.Now()) },
		} {
			if _, err := d.Change(step); err != nil {
				return say1(err)
			}
		}
	}
}

func say1(err error) int { say(err.Error()); return 1 }
