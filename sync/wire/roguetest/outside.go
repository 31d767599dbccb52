package roguetest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"lockerd/sync/wire"
)

// What a broker can do that has no trusted key.

func (r *Rogue) garbage() Attempt {
	b := make([]byte, r.rand.IntN(512))
	for i := range b {
		b[i] = byte(r.rand.Uint32())
	}
	if r.rand.IntN(3) == 0 {
		b = bytes.Repeat([]byte(pick(r, []string{".", "[", `{"a":`, "\x00", "e30.", "\u00e9"})), r.rand.IntN(3000))
	}
	return Attempt{Topic: pick(r, topics), Payload: b, Reason: wire.Malformed}
}

func (r *Rogue) unsigned() Attempt {
	m := r.made()
	return Attempt{Topic: m.topic, Payload: []byte(m.body), Reason: wire.Malformed}
}

func (r *Rogue) algNone() Attempt {
	m := r.made()
	in := b64.EncodeToString([]byte(fmt.Sprintf(`{"alg":%q,"kid":%q}`, pick(r, []string{"none", "None", "NONE", ""}), m.by.KID))) + "." + b64.EncodeToString([]byte(m.body)) + "."
	if r.rand.IntN(2) == 0 {
		in += b64.EncodeToString(make([]byte, ed25519.SignatureSize))
	}
	return Attempt{Topic: m.topic, Payload: []byte(in), Reason: wire.Malformed}
}

func (r *Rogue) algHMAC() Attempt {
	m := r.made()
	in := b64.EncodeToString([]byte(fmt.Sprintf(`{"alg":"HS256","kid":%q}`, m.by.KID))) + "." + b64.EncodeToString([]byte(m.body))
	h := hmac.New(sha256.New, m.by.Public)
	h.Write([]byte(in))
	return Attempt{Topic: m.topic, Payload: []byte(in + "." + b64.EncodeToString(h.Sum(nil))), Reason: wire.Malformed}
}

func (r *Rogue) ownKey() Attempt {
	m := r.made()
	return Attempt{Topic: m.topic, Payload: signed(r.own, m.body), Reason: wire.UnknownKey}
}

func (r *Rogue) borrowed() Attempt {
	m := r.made()
	return Attempt{Topic: m.topic, Payload: sign(r.own.Private, header(m.by.KID), m.body), Reason: wire.BadSignature}
}

// flip changes one bit of what is signed or of the signature.
func (r *Rogue) flip() Attempt {
	m := r.any()
	parts := strings.Split(string(m.jws), ".")
	i := 1 + r.rand.IntN(2)
	b, _ := b64.DecodeString(parts[i])
	b[r.rand.IntN(len(b))] ^= 1 << r.rand.IntN(8)
	parts[i] = b64.EncodeToString(b)
	return Attempt{Topic: m.topic, Payload: []byte(strings.Join(parts, ".")), Reason: wire.BadSignature}
}

func (r *Rogue) edited() Attempt {
	m := r.any()
	b := slices.Clone(m.jws)
	for bytes.Equal(b, m.jws) {
		for range 1 + r.rand.IntN(8) {
			i := r.rand.IntN(len(b))
			switch r.rand.IntN(3) {
			case 0:
				b[i] = byte(r.rand.Uint32())
			case 1:
				b = slices.Insert(b, i, r.big[r.rand.IntN(len(r.big))])
			default:
				b = slices.Delete(b, i, min(len(b)-1, i+1+r.rand.IntN(4)))
			}
		}
	}
	return Attempt{Topic: m.topic, Payload: b}
}

func (r *Rogue) truncated() Attempt {
	m := r.any()
	if r.rand.IntN(4) == 0 {
		return Attempt{Topic: m.topic, Payload: m.jws[1+r.rand.IntN(len(m.jws)-1):]}
	}
	return Attempt{Topic: m.topic, Payload: m.jws[:r.rand.IntN(len(m.jws))]}
}

func (r *Rogue) spliced() Attempt {
	a, b := r.any(), r.any()
	for bytes.Equal(a.jws, b.jws) {
		b = r.made()
	}
	i, j := bytes.LastIndexByte(a.jws, '.'), bytes.LastIndexByte(b.jws, '.')
	return Attempt{Topic: a.topic, Payload: slices.Concat(a.jws[:i], b.jws[j:]), Reason: wire.BadSignature}
}

func (r *Rogue) respelled() Attempt {
	m := r.any()
	t := string(m.jws)
	i := 1 + r.rand.IntN(len(t)-1)
	t = pick(r, []string{t + "=", t + "==", t + "\n", " " + t, t[:i] + "\r\n" + t[i:], t[:i] + " " + t[i:], "." + t, t + ".", `"` + t + `"`, "\ufeff" + t})
	return Attempt{Topic: m.topic, Payload: []byte(t), Reason: wire.Malformed}
}

func (r *Rogue) jsonForm() Attempt {
	m := r.any()
	p := strings.Split(string(m.jws), ".")
	flat := fmt.Sprintf(`"payload":%q,"protected":%q,"signature":%q`, p[1], p[0], p[2])
	if r.rand.IntN(2) == 0 {
		flat = fmt.Sprintf(`"payload":%q,"signatures":[{"protected":%q,"signature":%q}]`, p[1], p[0], p[2])
	}
	return Attempt{Topic: m.topic, Payload: []byte("{" + flat + "}"), Reason: wire.Malformed}
}

func (r *Rogue) retained() Attempt {
	m := r.any()
	return Attempt{Topic: m.topic, Payload: m.jws, Retained: true, Reason: wire.Retained}
}

func (r *Rogue) otherTopic() Attempt {
	m := r.any()
	to := m.topic
	for to == m.topic {
		to = pick(r, append([]string{"down/foo", "down/" + string(r.big[:300]), "down/Codes", "down/ack/x", "state", "up/events"}, topics...))
	}
	return Attempt{Topic: to, Payload: m.jws, Reason: wire.WrongPurpose}
}

func (r *Rogue) tooLarge() Attempt {
	m, n := r.made(), wire.MaxDown+1+r.rand.IntN(maxOver-wire.MaxDown-1)
	b := r.big[:n]
	switch r.rand.IntN(8) {
	case 0: // valid but for its size
		b = signed(m.by, m.body[:len(m.body)-1]+`,"x":"`+string(r.big[:wire.MaxDown])+`"}`)
	case 1:
		b = bytes.Repeat([]byte("["), n)
	}
	return Attempt{Topic: m.topic, Payload: b, Reason: wire.TooLarge}
}

// replay says what it has heard; before it has heard anything it keeps a message.
func (r *Rogue) replay() Attempt {
	if len(r.heard) == 0 {
		return r.retained()
	}
	m := pick(r, r.heard)
	return Attempt{Topic: m.topic, Payload: m.jws, Later: true}
}
