package roguetest

import (
	"fmt"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// What can be done with a trusted key, or by whoever can have something signed.

func (r *Rogue) tenantAsOperator() Attempt {
	m := r.of(wire.TopicAck, wire.TopicDesired, wire.TopicCommand, wire.TopicTrust)
	return Attempt{Topic: m.topic, Payload: sign(r.c.Tenant.Private, header(r.c.Operator.KID), m.body), Reason: wire.BadSignature}
}

func (r *Rogue) otherHeader() Attempt {
	m := r.made()
	h := fmt.Sprintf(pick(r, []string{
		`{"alg":"EdDSA","kid":%q,"typ":"JWT"}`, `{"alg":"EdDSA","kid":%q,"crit":["exp"],"exp":1}`, `{"alg":"EdDSA","kid":%q,"b64":false,"crit":["b64"]}`,
		`{"alg":"EdDSA","kid":%[1]q,"kid":%[1]q}`, `{"alg":"EdDSA","alg":"none","kid":%q}`, `{"alg":"EdDSA","Kid":%q}`, `{"alg":"EdDSA","kid":[%q]}`, `{"alg":"eddsa","kid":%q}`,
		`{"alg":"EdDSA","kid":%q}{}`, `[{"alg":"EdDSA","kid":%q}]`, `{"alg":"EdDSA","kid":%q,"jku":"https://rogue.example.com/keys"}`, `{"alg":"EdDSA","kid":%q,"x":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`,
	}), m.by.KID)
	return Attempt{Topic: m.topic, Payload: sign(m.by.Private, h, m.body), Reason: wire.Malformed}
}

// swap signs a genuine message with one text in the place of another.
func swap(m message, old, with, reason string) Attempt {
	return Attempt{Topic: m.topic, Payload: signed(m.by, strings.Replace(m.body, old, with, 1)), Reason: reason}
}

func (r *Rogue) otherBank() Attempt {
	with := pick(r, []string{`"bank":"other-1"`, `"bank":"` + r.c.Bank + `x"`, `"bank":""`, `"bank":"*"`, `"bankk":"x"`})
	return swap(r.made(), fmt.Sprintf(`"bank":%q`, r.c.Bank), with, wire.WrongBank)
}

func (r *Rogue) otherJournal() Attempt {
	m := r.of(wire.TopicAck, wire.TopicCodes, wire.TopicDesired, wire.TopicCommand)
	with := pick(r, []string{`"journal":"j-old"`, `"journal":""`, `"journal":"*"`, `"x":1`})
	return swap(m, fmt.Sprintf(`"journal":%q`, r.c.Journal), with, wire.WrongJournal)
}

func (r *Rogue) otherTenant() Attempt {
	a := pick(r, r.foreign)
	return Attempt{Topic: a.Topic, Payload: a.Payload, Reason: a.Reason}
}

func (r *Rogue) otherPurpose() Attempt {
	m := r.of(wire.TopicAck, wire.TopicDesired, wire.TopicCommand, wire.TopicTrust)
	return Attempt{Topic: m.topic, Payload: signed(r.c.Tenant, m.body), Reason: wire.WrongPurpose}
}

func (r *Rogue) service() Attempt {
	by := pick(r, []Signer{r.c.Tenant, r.c.Operator})
	rec := r.c.record(pick(r, r.texts), `"kind":"service"`)
	body := r.c.delta(r.c.Tenant.Tenant, rec)
	if r.rand.IntN(2) == 0 {
		body = r.c.snapshot(r.c.Tenant.Tenant, rec)
	}
	return Attempt{Topic: wire.TopicCodes, Payload: signed(by, body), Reason: wire.WrongTenant}
}

// put signs a genuine message with one member more, in front.
func (r *Rogue) put(members string) Attempt {
	m := r.made()
	return swap(m, "{", "{"+members+",", wire.Malformed)
}

func (r *Rogue) deep() Attempt {
	n := 17 + r.rand.IntN(4000)
	if r.rand.IntN(2) == 0 {
		return r.put(`"x":` + strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	return r.put(`"x":` + strings.Repeat(`{"a":`, n) + "0" + strings.Repeat("}", n))
}

func (r *Rogue) twice() Attempt {
	return r.put(pick(r, []string{
		`"bank":"other-1"`, `"typ":"ack"`, `"\u0062ank":"other-1"`, `"v":1`, `"x":{"a":1,"a":2}`, `"x":1,"x":1`, `"x":[[{"a":1,"\u0061":1}]]`, `"bank":null`,
	}))
}

func (r *Rogue) otherCase() Attempt {
	m := r.made()
	switch r.rand.IntN(3) {
	case 0:
		return swap(m, `"bank"`, `"Bank"`, wire.WrongBank)
	case 1:
		return swap(m, `"typ"`, `"TYP"`, wire.Malformed)
	}
	return swap(m, `"v"`, `"V"`, wire.Malformed)
}

func (r *Rogue) numbers() Attempt {
	n := pick(r, []string{"9007199254740993", "-9007199254740993", "18446744073709551616", "1e999", "1.5", "1e2", "-1", "0.1e-400000000000000000000000000000", "01", "NaN", "Infinity", "0x10", "1_000"})
	m := r.of(wire.TopicAck, wire.TopicCodes)
	if m.topic == wire.TopicAck {
		return swap(m, `:1000000,`, ":"+n+",", wire.Malformed)
	}
	return swap(m, `"rev":9`, `"rev":`+n, wire.Malformed)
}

func (r *Rogue) wrongType() Attempt {
	m := r.of(wire.TopicAck, wire.TopicCodes)
	with := pick(r, []string{`[]`, `{}`, `null`, `true`, `"x"`, `[[1]]`})
	if m.topic == wire.TopicAck {
		return swap(m, `:1000000,`, ":"+with+",", wire.Malformed)
	}
	return swap(m, pick(r, []string{`"epoch":`, `"to":`, `"digest":`, `"rev":`}), `"y":`+with+`,"x":`, wire.Malformed)
}

func (r *Rogue) badText() Attempt {
	return r.put(`"x":"` + pick(r, []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", `\ud800`, `\udc00\ud800`, "\x00", "\n", `\x41`, `\u00`}) + `"`)
}

func (r *Rogue) trailing() Attempt {
	m := r.made()
	m.body += pick(r, []string{"{}", " 1", "\x00", m.body, ","})
	return Attempt{Topic: m.topic, Payload: signed(m.by, m.body), Reason: wire.Malformed}
}

func (r *Rogue) badTrust() Attempt {
	m := r.of(wire.TopicTrust)
	may := `"lb_may":["ack","codes","desired","command","ticket","trust"],"lb_tenant":"*"`
	return swap(m, may, pick(r, []string{
		`"lb_may":["ack","codes","desired","command","ticket"],"lb_tenant":"*"`, `"lb_may":["trust"],"lb_tenant":"acme"`, `"lb_may":[],"lb_tenant":"*"`,
		`"lb_may":["trust","root"],"lb_tenant":"*"`, `"lb_may":"trust","lb_tenant":"*"`, `"lb_may":["trust"]`, `"lb_may":["trust"],"lb_tenant":"` + locker.SetLocal + `"`,
		`"lb_may":["trust"],"lb_tenant":"*","d":"AA"`, `"lb_may":["trust"],"lb_tenant":"*","lb_tenant":"*"`,
	}), wire.Malformed)
}
