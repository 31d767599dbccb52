package config

import "lockerd/daemon/locker"

// TOML writes the configuration as a file: what must be given and what differs
// from the default. Parse reads the same Config from it.
func (c *Config) TOML() []byte {
	w := &writer{}
	def := Default()
	put(w, "version", Version, 0)
	put(w, "bank", c.Bank, "")
	put(w, "data_dir", c.DataDir, "")
	put(w, "timezone", c.Timezone, def.Timezone)
	c.writeUplink(w)
	c.writeBank(w, def)
	for _, b := range c.Buses {
		w.bus(b)
	}
	for _, k := range c.Lockers {
		w.locker(k)
	}
	for _, d := range c.Doors {
		w.door(d, c.plain(d.ID))
	}
	for _, s := range c.Scanners {
		w.scanner(s)
	}
	return []byte(w.String())
}

func (c *Config) writeUplink(w *writer) {
	if m := c.MQTT; m != nil {
		def := defaultMQTT(c.Bank)
		if c.Identity != nil {
			def.CAFile = c.Identity.CAFile()
		}
		w.head("[mqtt]")
		put(w, "url", m.URL, "")
		put(w, "username", m.Username, def.Username)
		put(w, "password_file", m.PasswordFile, "")
		put(w, "ca_file", m.CAFile, def.CAFile)
		put(w, "cert_file", m.CertFile, "")
		put(w, "key_file", m.KeyFile, "")
		put(w, "prefix", m.Prefix, def.Prefix)
		put(w, "down_qos", m.DownQoS, def.DownQoS)
		put(w, "keepalive", m.Keepalive, def.Keepalive)
		put(w, "heartbeat", m.Heartbeat, def.Heartbeat)
		put(w, "ack_timeout", m.AckTimeout, def.AckTimeout)
	}
	if c.Trust != nil && (c.Identity == nil || c.Trust.KeysFile != c.Identity.KeysFile()) {
		w.head("[trust]")
		put(w, "keys_file", c.Trust.KeysFile, "")
	}
	if i := c.Identity; i != nil {
		def := DefaultIdentity(c.DataDir)
		w.table("[identity]")
		put(w, "dir", i.Dir, def.Dir)
		put(w, "seed_file", i.SeedFile, def.SeedFile)
		put(w, "url", i.URL, "")
	}
}

func (c *Config) writeBank(w *writer, def Config) {
	w.head("[update]")
	put(w, "source", c.Update.Source, "")
	put(w, "root_file", c.Update.RootFile, "")
	put(w, "hold", c.Update.Hold, def.Update.Hold)
	put(w, "deadline", c.Update.Deadline, def.Update.Deadline)
	w.head("[time]")
	put(w, "file", c.Time.File, "")
	w.head("[open]")
	put(w, "pulse", c.Open.Pulse, def.Open.Pulse)
	put(w, "prove", c.Open.Prove, def.Open.Prove)
	put(w, "tries", c.Open.Tries, def.Open.Tries)
	put(w, "ajar_warn", c.Open.AjarWarn, def.Open.AjarWarn)
	put(w, "ajar_alarm", c.Open.AjarAlarm, def.Open.AjarAlarm)
	put(w, "reopen_window", c.Open.ReopenWindow, def.Open.ReopenWindow)
	put(w, "visit_idle", c.Open.VisitIdle, def.Open.VisitIdle)
	w.head("[journal]")
	put(w, "bytes", c.Journal.Bytes, def.Journal.Bytes)
	put(w, "keep_acked", c.Journal.KeepAcked, def.Journal.KeepAcked)
	w.head("[control]")
	put(w, "socket", c.Control.Socket, DefaultSocket(c.DataDir))
	if c.Kiosk != nil {
		w.head("[kiosk]")
		put(w, "listen", c.Kiosk.Listen, "")
	}
	if c.Metrics != nil {
		w.head("[metrics]")
		put(w, "listen", c.Metrics.Listen, "")
	}
}

// plain returns a door as it is without exceptions.
func (c *Config) plain(id locker.DoorID) Door {
	d := Door{Sensor: true, Use: UseAny}
	for _, k := range c.Lockers {
		if k.Number == int(id.Locker) {
			d.Size = k.Size
		}
	}
	return d
}
