package suite

import (
	"crypto/tls"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/sync/brokertest"
)

// TestACL tries what the documented mosquitto lets its users say and hear, topic by
// topic, by clients with certificates. Whoever is neither backend nor watch is a bank,
// a tenant too.
func TestACL(t *testing.T) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := brokertest.NewCA(t, from, to)
	m := startSite(t, ca, from, to, "\nuser all\ntopic readwrite #\n")
	all := join(t, m, ca, "all", "")
	all.hear("#")
	own := []string{"state", "state/doors", "up/events"}
	topics := []string{"lockers/v1", "lockers/v2/lon-042/up/events", "other/lon-042/up/events"}
	users := []string{"lon-042", "acme", "backend", "watch"}
	for _, who := range append(users, "lon-043") {
		topics = append(topics, "lockers/v1/"+who)
		for _, rest := range append(own, "down/codes", "up", "down", "state/a/b", "up/a/b", "down/a/b", "more") {
			topics = append(topics, "lockers/v1/"+who+"/"+rest)
		}
	}
	for _, user := range users {
		t.Run(user, func(t *testing.T) {
			c := join(t, m, ca, user, "")
			says, hears := below(user, own...), below(user, "down/codes")
			for _, who := range append(users, "lon-043") {
				switch user {
				case "backend":
					says, hears = append(says, below(who, "down/codes")...), append(hears, below(who, own...)...)
				case "watch":
					hears = slices.DeleteFunc(slices.Clone(topics), func(topic string) bool { return !strings.HasPrefix(topic, "lockers/v1/") })
				}
			}
			for _, topic := range topics {
				c.say(topic, "from "+user)
			}
			all.expect(t, c, user+"/up/end", "from "+user, says)
			for _, filter := range append(topics, "#", "+/#", "lockers/v1/+/#", "lockers/v1/+/down/+", "$SYS/#", "$share/a/lockers/v1/lon-043/#") {
				c.hear(filter)
			}
			for _, topic := range topics {
				all.say(topic, "to "+user)
			}
			c.expect(t, all, user+"/down/end", "to "+user, hears)
			if got := c.told("", "$SYS"); len(got) > 0 {
				t.Errorf("hears of the broker: %q", got)
			}
		})
	}
	t.Run("will", func(t *testing.T) {
		join(t, m, ca, "lon-042", "lockers/v1/lon-043/state").cut()
		join(t, m, ca, "lon-042", "lockers/v1/lon-042/state").cut()
		all.await(t, "lockers/v1/lon-042/state", "will")
		if got := all.told("will", ""); !slices.Equal(got, below("lon-042", "state")) {
			t.Errorf("speaks in death to %q", got)
		}
	})
}

func below(who string, rest ...string) (out []string) {
	for _, r := range rest {
		out = append(out, "lockers/v1/"+who+"/"+r)
	}
	return out
}

// user is a client with a certificate of its own.
type user struct {
	client mqtt.Client
	conn   net.Conn

	mu    sync.Mutex
	heard [][2]string // topic, payload
}

func join(t *testing.T, m *brokertest.Mosquitto, ca *brokertest.CA, name, will string) *user {
	t.Helper()
	conf := clientTLS(t, ca.Client(name))
	return enter(t, name, will, mqtt.NewClientOptions(), func() (net.Conn, error) { return tls.Dial("tcp", m.Addr(), conf) })
}

// enter connects a user to a broker.
func enter(t *testing.T, name, will string, o *mqtt.ClientOptions, dial func() (net.Conn, error)) *user {
	t.Helper()
	u := &user{}
	o.AddBroker("tcp://broker").SetAutoReconnect(false).SetProtocolVersion(4)
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (c net.Conn, err error) {
		u.conn, err = dial()
		return u.conn, err
	})
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.heard = append(u.heard, [2]string{m.Topic(), string(m.Payload())})
	})
	if will != "" {
		o.SetWill(will, "will", 1, false)
	}
	u.client = mqtt.NewClient(o)
	if !wait(u.client.Connect()) {
		t.Fatalf("%s cannot connect", name)
	}
	t.Cleanup(func() { u.client.Disconnect(0) })
	return u
}

func (u *user) say(topic, payload string) {
	u.client.Publish(topic, 1, false, payload).WaitTimeout(5 * time.Second)
}

func (u *user) hear(filter string) { u.client.Subscribe(filter, 0, nil).WaitTimeout(5 * time.Second) }

func (u *user) cut() { _ = u.conn.Close() }

// expect wants the topics on which u hears a payload to be these, once the other's last
// word has come.
func (u *user) expect(t *testing.T, other *user, last, payload string, want []string) {
	t.Helper()
	other.say("lockers/v1/"+last, payload)
	u.await(t, "lockers/v1/"+last, payload)
	want = append(slices.Clone(want), "lockers/v1/"+last)
	slices.Sort(want)
	if got := u.told(payload, ""); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("%s: heard\n%q, want\n%q", payload, got, want)
	}
}

func (u *user) await(t *testing.T, topic, payload string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !slices.Contains(u.told(payload, ""), topic); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing comes on %s", topic)
		}
	}
}

// told returns the topics on which u has heard a payload, any if it is empty.
func (u *user) told(payload, prefix string) (out []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, h := range u.heard {
		if (payload == "" || h[1] == payload) && strings.HasPrefix(h[0], prefix) {
			out = append(out, h[0])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
