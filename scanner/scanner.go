// Package scanner turns what a barcode scanner delivers into scans: it frames
// the bytes, cleans the text as contract 4 says, and drops the repeats that a
// code held before the glass makes.
//
// Sources (scanner/serial, scanner/hid and those to come) own their device, find it again
// by its stable name after an unplug, and hand every scan to a Sink. No text
// that was scanned is ever logged or put into an error.
package scanner

import "time"

// Scan is one text that a scanner has delivered.
type Scan struct {
	Scanner   string
	Text      string    // cleaned; empty when malformed
	Malformed bool      // cannot be a code: wrong length or bytes
	At        time.Time // when its last byte was read
}

// Sink takes what scanners have to say. Calls come from the source's own
// goroutine and may block shortly.
type Sink interface {
	Scanned(s Scan)
	// Expect shows, uncleaned, what has come of a scan whose end is missing. It
	// may be anything, and no scan need follow: a sink can get ready, no more.
	Expect(text string)
	// ScannerState tells that a scanner's device was lost (err says why) or is
	// there again (nil). Each scanner is reported once after the start.
	ScannerState(name string, err error)
}
