package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/slots"
	"lockerd/daemon/update"
	"lockerd/daemon/update/release"
	"lockerd/sync/backend"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/backend/rollout"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

// estate is a few real banks under their launchers, with the broker, the operator's backend
// and the web server of updates.
type estate struct {
	t     *testing.T
	be    *backend.Backend
	repo  *release.Repo
	sites map[string]*site
}

func newEstate(t *testing.T, banks ...string) *estate {
	t.Helper()
	dir := t.TempDir()
	e := &estate{t: t, sites: map[string]*site{}}
	e.repo = &release.Repo{Dir: filepath.Join(dir, "repo"), Keys: filepath.Join(dir, "keys"), Now: time.Now}
	if err := e.repo.Init(release.Threshold{Keys: 2, Need: 2}, release.Threshold{Keys: 1, Need: 1}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(e.repo.Dir)))
	t.Cleanup(web.Close)
	url := brokertest.StartMochi(t, brokertest.MochiOptions{}).URL()
	trust := e.backend(dir, url)
	for _, name := range banks {
		s := siteOf(t, name, "1.2.0", fmt.Sprintf("deadline = \"20s\"\nsource = %q\nroot_file = %q\n[mqtt]\nurl = %q\n[trust]\nkeys_file = %q",
			web.URL, filepath.Join(e.repo.Dir, "metadata", "1.root.json"), url, trust))
		s.supervise()
		e.sites[name] = s
	}
	return e
}

// backend starts the operator's, and returns the banks' key file.
func (e *estate) backend(dir, url string) string {
	e.t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	k := wire.Key{KID: "ops-1", Public: public, Tenant: "*", May: []string{"ack", "codes", "desired", "command", "ticket", "trust"}}
	keys, err := wire.NewKeys(k)
	if err != nil {
		e.t.Fatal(err)
	}
	raw, err := json.Marshal(keys)
	if err != nil {
		e.t.Fatal(err)
	}
	file := filepath.Join(dir, "trust.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.be, err = backend.New(backend.Config{Store: backend.NewMemory(), Keys: []backend.Key{{KID: k.KID, Signer: private, Tenant: k.Tenant}}, Trust: keys})
	if err != nil {
		e.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- mqttlink.Run(e.t.Context(), mqttlink.Options{URL: url, ClientID: "backend", Username: "backend", QoS: 1}, e.be)
	}()
	e.t.Cleanup(func() { // behind the end of the test's context
		if err := <-ended; err != nil {
			e.t.Error(err)
		}
	})
	return file
}

// release releases a version. At a bank whose directory has the file faulty it ends at
// once, at the others it is lockerd.
func (e *estate) release(version string) {
	e.t.Helper()
	body := `[ -e "$(dirname "$3")/faulty-` + version + `" ] && exit 3` + "\n" + (&site{t: e.t}).real(version)
	dir := e.t.TempDir()
	file := filepath.Join(dir, update.Board())
	if err := os.Rename(script(e.t, dir, version, body), file); err != nil {
		e.t.Fatal(err)
	}
	if err := e.repo.Add("stable", version, []string{file}); err != nil {
		e.t.Fatal(err)
	}
}

// until waits for something that the backend knows.
func (e *estate) until(what string, is func() bool) {
	e.t.Helper()
	late := time.After(2 * patience)
	for {
		c := e.be.Changed()
		if is() {
			return
		}
		select {
		case <-c:
		case <-late:
			r, _ := e.be.Rollout()
			for name, s := range e.sites {
				log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
				e.t.Logf("%s:\n%s", name, log)
			}
			e.t.Fatalf("not so: %s; rollout %s %q %+v, banks %+v", what, r.Status, r.Why, r.Banks, e.be.Banks())
		}
	}
}

// runs waits until a bank is there with a version, and answers.
func (e *estate) runs(bank, version string) {
	e.t.Helper()
	e.until(bank+" runs "+version, func() bool {
		st, ok := e.be.Bank(bank)
		return ok && st.Online && st.Version == version
	})
	reply, err := e.be.Command(e.t.Context(), bank, backend.Order{Type: locker.CmdPoll})
	if err != nil || reply.Status != locker.ReplyDone {
		e.t.Errorf("%s does not answer: %+v, %v", bank, reply, err)
	}
	if st, _ := e.be.Bank(bank); st.Journal.Breaks+st.Journal.Holes > 0 {
		e.t.Errorf("%s: its journal is not whole: %+v", bank, st.Journal)
	}
}

func (e *estate) rollout(p rollout.Plan) backend.RolloutReport {
	e.t.Helper()
	if _, err := e.be.StartRollout(p); err != nil {
		e.t.Fatal(err)
	}
	var r backend.RolloutReport
	e.until("the rollout of "+p.Version+" has ended", func() bool {
		r, _ = e.be.Rollout()
		return r.Status != rollout.Running && r.All.Open == 0
	})
	return r
}

// TestRollout is an update as it comes over the air: released, ordered by a rollout over
// MQTT, fetched over HTTP, tried by real processes under their launchers. One that crashes at
// one bank stops the rollout, and that bank works with the version before.
func TestRollout(t *testing.T) {
	if testing.Short() {
		t.Skip("restarts three banks twice: some 20 s")
	}
	e := newEstate(t, "lon-001", "lon-002", "lon-003")
	for name, s := range e.sites {
		e.runs(name, "1.2.0")
		s.well()
		s.until("the broker is part of how it was", func(st *slots.State) bool { return st.Good.Uplink })
	}
	bad := e.sites["lon-002"]
	if err := os.WriteFile(filepath.Join(bad.dir, "faulty-1.3.0"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e.release("1.3.0")
	p := rollout.Plan{
		Version: "1.3.0", Steps: []int{33, 100}, Canaries: []string{"lon-001"}, Stop: rollout.Limit{N: 2},
		Deadline: rollout.Span(5 * time.Minute), Parallel: 1,
	}
	r := e.rollout(p)
	if r.Status != rollout.Paused || r.Step != 1 || r.All.Failed != 1 || !strings.Contains(r.Why, "lon-002 rolled_back (2 starts") {
		t.Errorf("%s in step %d: %s", r.Status, r.Step+1, r.Why)
	}
	for _, part := range r.Banks {
		want := "1.2.0"
		if part.Phase == rollout.Confirmed {
			want = "1.3.0"
		}
		e.runs(part.Bank, want)
	}
	e.runs("lon-001", "1.3.0")
	e.runs("lon-002", "1.2.0")
	if _, err := e.be.StopRollout("1.3.1 mends it"); err != nil {
		t.Fatal(err)
	}
	e.release("1.3.1")
	p.Version = "1.3.1"
	if r = e.rollout(p); r.Status != rollout.Done || r.All.Confirmed != 3 {
		t.Errorf("%s: %s", r.Status, r.Why)
	}
	for name := range e.sites {
		e.runs(name, "1.3.1")
	}
}
