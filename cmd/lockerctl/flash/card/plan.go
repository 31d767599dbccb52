package card

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"

	"lockerd/cmd/lockerctl/flash/fault"
)

// Unit is how much is written, compared and kept back as one.
const Unit = 1 << 20

const sector = 512

// lead is what of the first unit is written last: the MBR, without which no table of a GPT
// counts. A sector is the most that cards write at once or not at all.
const lead = sector

// chunk is one Unit of an image, the last may be shorter.
type chunk struct {
	zero bool
	sum  [sha256.Size]byte // of others
}

// Plan is what is known of an image once it has been read to its end.
type Plan struct {
	Size int64
	Data int64 // bytes in units that are not zero

	chunks []chunk
}

var zeros [Unit]byte

// Read reads an image to its end. One that is larger than most bytes is refused; the card is called name.
func Read(ctx context.Context, r io.Reader, most int64, name string) (*Plan, error) {
	p := &Plan{}
	buf := make([]byte, Unit)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			p.add(buf[:n])
		}
		if p.Size > most {
			return nil, small(name, most)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if p.Size == 0 || p.Size%sector != 0 {
		return nil, fault.New("fetch the image again", "cannot use the image: it is cut short: %d bytes are no whole sectors", p.Size)
	}
	return p, nil
}

func small(name string, size int64) *fault.Error {
	return fault.New("take a larger card", "cannot put the image on %s: it is too small: it has %s (%d bytes), the image more", name, fault.Bytes(size), size)
}

func (p *Plan) add(b []byte) {
	p.Size += int64(len(b))
	c := chunk{zero: bytes.Equal(b, zeros[:len(b)])}
	if !c.zero {
		p.Data += int64(len(b))
		c.sum = sha256.Sum256(b)
	}
	p.chunks = append(p.chunks, c)
}

// holds tells whether b is what the i-th unit of the image holds.
func (p *Plan) holds(i int, b []byte) bool {
	if i >= len(p.chunks) || int64(len(b)) != min(Unit, p.Size-int64(i)*Unit) {
		return false
	}
	if p.chunks[i].zero {
		return bytes.Equal(b, zeros[:len(b)])
	}
	return sha256.Sum256(b) == p.chunks[i].sum
}
