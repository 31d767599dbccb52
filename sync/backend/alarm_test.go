package backend

import (
	"testing"

	"lockerd/daemon/locker"
)

// TestAlarmOfADoor: an uncertain opening is alarm until it is settled; what the door
// was found to be meanwhile stays.
func TestAlarmOfADoor(t *testing.T) {
	tests := map[string]struct {
		events []string
		want   string
	}{
		"uncertain":        {[]string{locker.EvDoorUncertain}, alarmUncertain},
		"settled":          {[]string{locker.EvDoorUncertain, locker.EvDoorSettled}, ""},
		"opened late":      {[]string{locker.EvDoorUncertain, locker.EvDoorOpened}, ""},
		"forced meanwhile": {[]string{locker.EvDoorUncertain, locker.EvDoorForced, locker.EvDoorSettled}, "forced open"},
		"settled before":   {[]string{locker.EvDoorSettled, locker.EvDoorUncertain}, alarmUncertain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bank{}
			for _, typ := range tt.events {
				b.learnAlarm(&locker.Event{Type: typ, Door: locker.DoorID{Locker: 1, Door: 7}})
			}
			if got := b.Alarms["door 1-07"].Text; got != tt.want {
				t.Errorf("alarm %q, want %q", got, tt.want)
			}
		})
	}
}
