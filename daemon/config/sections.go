package config

import "time"

// open reads [open].
func (s *section) open(def Open) Open {
	t := s.sub("open")
	if t == nil {
		return def
	}
	o := Open{
		Pulse:        t.span("pulse", def.Pulse, minPulse, maxPulse),
		Prove:        t.span("prove", def.Prove, minProve, maxProve),
		Tries:        int(t.whole("tries", int64(def.Tries), 1, maxTries)),
		AjarWarn:     t.span("ajar_warn", def.AjarWarn, minAjar, maxAjar),
		AjarAlarm:    t.span("ajar_alarm", def.AjarAlarm, minAjar, maxAjar),
		ReopenWindow: t.span("reopen_window", def.ReopenWindow, 0, maxReopen),
		VisitIdle:    t.span("visit_idle", def.VisitIdle, minIdle, maxIdle),
	}
	t.above("prove", o.Prove, "pulse", o.Pulse)
	t.above("ajar_alarm", o.AjarAlarm, "ajar_warn", o.AjarWarn)
	t.done(nil)
	return o
}

// above refuses a duration that is not longer than another. Both may be
// defaults, so the other is named with its value.
func (s *section) above(key string, d time.Duration, other string, o time.Duration) {
	if d > o {
		return
	}
	at := key
	if !s.has(key) {
		at = other
	}
	s.bad(at, key+" ("+shortSpan(d)+") is not longer than "+other+" ("+shortSpan(o)+")", "make "+key+" longer or "+other+" shorter")
}

// journal reads [journal].
func (s *section) journal(def Journal) Journal {
	t := s.sub("journal")
	if t == nil {
		return def
	}
	j := Journal{
		Bytes:     t.whole("bytes", def.Bytes, minBytes, maxBytes),
		KeepAcked: t.span("keep_acked", def.KeepAcked, 0, maxKeep),
	}
	t.done(nil)
	return j
}

// update reads [update].
func (s *section) update(def Update) Update {
	t := s.sub("update")
	if t == nil {
		return def
	}
	u := Update{
		Source:   t.text("source", "", checkSource),
		RootFile: t.text("root_file", "", checkOptionalPath),
		Hold:     t.span("hold", def.Hold, minHold, maxHold),
		Deadline: t.span("deadline", def.Deadline, minJudged, maxJudged),
	}
	t.above("deadline", u.Deadline, "hold", u.Hold)
	t.done(nil)
	return u
}

// control reads [control].
func (s *section) control(dataDir string) Control {
	def := DefaultSocket(dataDir)
	t := s.sub("control")
	if t == nil || !t.has("socket") {
		if what, cure := checkSocket(def); dataDir != "" && what != "" {
			s.add("data_dir", dataDir, "makes the default socket "+show(def)+", which "+what, cure)
		}
	}
	if t == nil {
		return Control{Socket: def}
	}
	c := Control{Socket: t.text("socket", def, checkSocket)}
	t.done(nil)
	return c
}

// listeners reads [kiosk] and [metrics], which may not share an address.
func (s *section) listeners() (*Kiosk, *Metrics) {
	var k *Kiosk
	var m *Metrics
	if at, ok := s.listener("kiosk"); ok {
		k = &Kiosk{Listen: at}
	}
	if at, ok := s.listener("metrics"); ok {
		m = &Metrics{Listen: at}
	}
	if k != nil && m != nil && k.Listen != "" && k.Listen == m.Listen {
		s.add("metrics.listen", m.Listen, "is the address of [kiosk] already", "use another port")
	}
	return k, m
}

func (s *section) listener(key string) (string, bool) {
	t := s.sub(key)
	if t == nil {
		return "", false
	}
	t.require("listen")
	at := t.text("listen", "", checkListen)
	t.done(nil)
	return at, true
}

// time reads [time].
func (s *section) time() Time {
	t := s.sub("time")
	if t == nil {
		return Time{}
	}
	v := Time{File: t.text("file", "", checkOptionalPath)}
	t.done(nil)
	return v
}

// identity reads [identity].
func (s *section) identity(dataDir string) *Identity {
	t := s.sub("identity")
	if t == nil {
		return nil
	}
	def := DefaultIdentity(dataDir)
	i := &Identity{
		Dir:      t.text("dir", def.Dir, checkPath),
		SeedFile: t.text("seed_file", def.SeedFile, checkPath),
		URL:      t.text("url", "", checkEndpoint),
	}
	t.done(nil)
	return i
}

// trust reads [trust]. A bank with an identity has what came with that.
func (s *section) trust(i *Identity) *Trust {
	t := s.sub("trust")
	switch {
	case t == nil && i == nil:
		return nil
	case t == nil:
		return &Trust{KeysFile: i.KeysFile()}
	}
	t.require("keys_file")
	v := &Trust{KeysFile: t.text("keys_file", "", checkPath)}
	t.done(nil)
	return v
}

// mqtt reads [mqtt].
func (s *section) mqtt(bank string, i *Identity) *MQTT {
	t := s.sub("mqtt")
	if t == nil {
		return nil
	}
	def := defaultMQTT(bank)
	if i != nil {
		def.CAFile = i.CAFile()
		for _, key := range []string{"cert_file", "key_file"} {
			if t.has(key) {
				t.bad(key, "stands beside [identity], which makes key and certificate", "remove it, or [identity]")
			}
		}
	}
	t.require("url")
	m := &MQTT{
		URL:          t.text("url", "", checkBroker),
		Username:     t.text("username", def.Username, checkUsername),
		PasswordFile: t.text("password_file", "", checkOptionalPath),
		CAFile:       t.text("ca_file", def.CAFile, checkOptionalPath),
		CertFile:     t.text("cert_file", "", checkOptionalPath),
		KeyFile:      t.text("key_file", "", checkOptionalPath),
		Prefix:       t.text("prefix", def.Prefix, checkPrefix),
		DownQoS:      int(t.whole("down_qos", int64(def.DownQoS), 0, 1)),
		Keepalive:    t.span("keepalive", def.Keepalive, minKeepalive, maxKeepalive),
		Heartbeat:    t.span("heartbeat", def.Heartbeat, minHeartbeat, maxHeart),
		AckTimeout:   t.span("ack_timeout", def.AckTimeout, minAck, maxAck),
	}
	if m.Keepalive%time.Second != 0 {
		t.bad("keepalive", "is not in whole seconds, as MQTT counts it", `write it as "30s"`)
	}
	if (m.CertFile == "") != (m.KeyFile == "") {
		t.add(t.path, nil, "has only one of cert_file and key_file", "give both, or none to log in by password")
	}
	t.done(nil)
	return m
}
