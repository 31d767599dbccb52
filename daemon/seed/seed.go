package seed

import (
	"bytes"
	"errors"
	"net/netip"
	"time"

	"github.com/BurntSushi/toml"
)

// Name is the file in the root directory of the boot partition.
const Name = "lockerd-seed.toml"

// Size is how many bytes the file has on a card, always.
const Size = 16 << 10

// Version is that of the format.
const Version = 1

// ErrEmpty is returned when there is a place for a seed, and none in it.
var ErrEmpty = errors.New("there is no seed in it")

// Seed is what a fresh board is told.
type Seed struct {
	Bank    string
	Site    string
	Expires time.Time // UTC, whole seconds
	Network Network
	Enrol   Enrol
}

// Network is how the board reaches the enrolment endpoint.
type Network struct {
	Address netip.Prefix // of the board with its mask; the zero value: DHCP
	Gateway netip.Addr   // the zero value: none
	DNS     []netip.Addr
	Wifi    *Wifi // nil: the cable
}

// Static tells whether the network is to be set, not asked for.
func (n *Network) Static() bool { return n.Address.IsValid() }

// Wifi is the network to join.
type Wifi struct {
	SSID    string
	PSK     Secret // empty: an open network
	Country string // empty: as the image has it
}

// Enrol is where and with what the board fetches its identity.
type Enrol struct {
	URL   string
	Token Secret
	CA    string // "sha256:" and 64 hex digits, or certificates in PEM
}

// Secret is a text that is not to be printed.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "(secret)" }

const head = "# lockerd's seed: which bank this board is. It is erased once the board has enrolled.\n"

// Placeholder returns the file's bytes before it is seeded, and after it is erased.
func Placeholder() []byte {
	return pad([]byte(head + "# Nothing stands here: lockerctl flash --seed writes it.\n"))
}

// pad fills a text up with empty lines.
func pad(b []byte) []byte {
	return append(b, bytes.Repeat([]byte("\n"), Size-len(b))...)
}

// Encode returns the file's bytes, [Size] of them, or an [*Error].
func Encode(s *Seed) ([]byte, error) {
	s, err := s.wire().seed() // in its one form
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(head)
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	if err := enc.Encode(s.wire()); err != nil {
		return nil, &Error{Problems: []Problem{{Text: "cannot be written as TOML: " + err.Error()}}}
	}
	if b.Len() > Size {
		return nil, &Error{Problems: []Problem{tooLong}}
	}
	return pad(b.Bytes()), nil
}

// Parse reads the file's bytes. It returns [ErrEmpty] or an [*Error] where they are no seed.
func Parse(b []byte) (*Seed, error) {
	if blank(b) {
		return nil, ErrEmpty
	}
	if len(b) > Size {
		return nil, &Error{Problems: []Problem{tooLong}}
	}
	var w wire
	md, err := toml.Decode(string(b), &w)
	if err != nil {
		return nil, unreadable(err)
	}
	return w.seed(unknown(md.Keys())...)
}

// blank tells whether a file says nothing: zeros, white space, comments.
func blank(b []byte) bool {
	for line := range bytes.Lines(b) {
		line = bytes.Trim(line, "\x00 \t\r\n")
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
