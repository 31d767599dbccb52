package daemon_test

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"lockerd/daemon/bundle"
)

// TestBundlesHoldNoDoorUp has support bundles made without a pause while people
// scan: their doors are pulsed as they are without.
func TestBundlesHoldNoDoorUp(t *testing.T) {
	const people = 10
	r := newLoadRig(t, 1)
	r.start()
	visits := func(first int) (took []time.Duration) {
		for i := range people {
			v := r.issue(1, first+i)
			r.scan(v)
			took = append(took, r.pulsed(v))
			r.opens(v)
			r.shut(v)
		}
		slices.Sort(took)
		return took
	}
	alone := visits(1)

	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	var made, most, longest atomic.Int64
	done := make(chan error, 1)
	first := make(chan struct{})
	go func() {
		for {
			began := time.Now()
			b, err := r.client.Bundle(ctx)
			if ctx.Err() != nil {
				done <- nil
				return
			}
			if err == nil {
				_, _, err = bundle.Read(bytes.NewReader(b))
			}
			if err != nil {
				done <- err
				return
			}
			most.Store(max(most.Load(), int64(len(b))))
			longest.Store(max(longest.Load(), int64(time.Since(began))))
			if made.Add(1) == 1 {
				close(first)
			}
		}
	}()
	select {
	case <-first:
	case err := <-done:
		t.Fatal(err)
	}
	crowd := visits(1 + people)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("scan to pulse alone %v\nwhile %d bundles were made %v; the largest %d bytes, the slowest %s", alone, made.Load(), crowd, most.Load(), time.Duration(longest.Load()))
	if each := ratio(crowd, people-1, alone, people*9/10); each > loadSlowest {
		t.Errorf("the slowest waits %.1f times as long as alone (bound %.0f)", each, loadSlowest)
	}
}
