package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"lockerd/daemon/locker"
)

// PrintEvent prints one event for people, behind a prefix: number, time, type, what it
// carries.
func PrintEvent(w io.Writer, prefix string, line []byte, colour bool) error {
	var ev struct {
		Seq  uint64      `json:"seq"`
		At   locker.Time `json:"at"`
		Type string      `json:"type"`
	}
	if err := json.Unmarshal(line, &ev); err != nil {
		return fmt.Errorf("cannot read an event: %w", err)
	}
	details, err := carried(line)
	if err != nil {
		return fmt.Errorf("cannot read event %d: %w", ev.Seq, err)
	}
	at := ev.At.Time().Local().Format("2006-01-02 15:04:05.000")
	kind := Paint(Clean(ev.Type), eventColour(ev.Type), colour) + strings.Repeat(" ", max(0, 19-len(ev.Type)))
	_, err = fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s%7d  %s  %s %s", prefix, ev.Seq, at, kind, details), " "))
	return err
}

// carried lists an event's members but those that stand in every event, in
// their order, so that members of later versions show too.
func carried(line []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	if _, err := d.Token(); err != nil {
		return "", err
	}
	var list []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return "", err
		}
		switch key {
		case "seq", "at", "clock", "boot", "up_ms", "type", "hash":
		default:
			list = append(list, fmt.Sprintf("%s=%s", key, shown(value)))
		}
	}
	return Clean(strings.Join(list, " ")), nil
}

// shown prints a text without quotes where it can be read without.
func shown(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	if s == "" || strings.ContainsAny(s, " =\"") {
		return strconv.Quote(s)
	}
	return s
}

func eventColour(kind string) string {
	switch kind {
	case locker.EvDoorJammed, locker.EvDoorForced, locker.EvDoorUncertain, locker.EvBoardLost, locker.EvScannerLost,
		locker.EvBankTamper, locker.EvStorageFault, locker.EvCommandFailed, locker.EvJournalGap:
		return Bad
	case locker.EvDoorAjar, locker.EvDoorOut, locker.EvDoorUnproven, locker.EvScanRefused, locker.EvMessageRefused,
		locker.EvStockLow, locker.EvItemUncertain, locker.EvCommandRefused, locker.EvCommandUnknown, locker.EvConfigRejected:
		return Notice
	}
	return None
}
