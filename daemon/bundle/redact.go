package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// shown lists every key of the configuration whose value a bundle may hold.
// What is not here is left out, so a key that comes later is a secret until
// somebody has decided otherwise. File names of secrets are no secrets; what
// lies in those files is never read.
var shown = map[string]string{
	"":         "version bank data_dir timezone",
	"mqtt":     "url ca_file cert_file key_file password_file prefix down_qos keepalive heartbeat ack_timeout",
	"trust":    "keys_file",
	"identity": "dir seed_file url",
	"time":     "file",
	"bus":      "name driver port baud reply_timeout poll coils rs485",
	"profile":  "closed_bit byte_order lock_byte",
	"locker":   "number bus size doors",
	"boards":   "address channels first_door",
	"door":     "id size accessible sensor tenant use relay relay_active feedback feedback_closed power lock_channel feedback_channel feedback_inverted",
	"scanner":  "name driver port baud suffix width height fps",
	"open":     "pulse prove tries ajar_warn ajar_alarm reopen_window visit_idle",
	"journal":  "bytes keep_acked",
	"control":  "socket",
	"kiosk":    "listen",
	"metrics":  "listen",
	"update":   "source root_file hold deadline",
	"children": "mqtt trust identity time bus profile locker boards door scanner open journal control kiosk metrics update",
}

// Redact returns a configuration with those keys only whose values may leave
// the bank, and how many it has left out. Comments go too. The text of a file
// that is no TOML is not passed on, nor is the parser's complaint, which quotes
// it.
func Redact(conf []byte) (out []byte, left int, err error) {
	var doc map[string]any
	if _, err := toml.Decode(string(conf), &doc); err != nil {
		return nil, 0, errors.New("cannot read the configuration as TOML: `lockerd check` at the bank says where")
	}
	doc = prune("", doc, &left)
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(doc); err != nil {
		return nil, 0, fmt.Errorf("cannot write the configuration: %w", err)
	}
	return b.Bytes(), left, nil
}

func prune(table string, in map[string]any, left *int) map[string]any {
	out := map[string]any{}
	for k, v := range in {
		switch v := v.(type) {
		case map[string]any:
			if listed("children", k) {
				out[k] = prune(k, v, left)
				continue
			}
		case []map[string]any:
			if listed("children", k) {
				var all []map[string]any
				for _, t := range v {
					all = append(all, prune(k, t, left))
				}
				out[k] = all
				continue
			}
		case []any: // written inline
			if listed("children", k) {
				var all []map[string]any
				for _, t := range v {
					if t, ok := t.(map[string]any); ok {
						all = append(all, prune(k, t, left))
					}
				}
				out[k] = all
				continue
			}
		case string:
			if listed(table, k) {
				out[k] = bare(v)
				continue
			}
		case int64, bool, float64:
			if listed(table, k) {
				out[k] = v
				continue
			}
		}
		*left++
	}
	return out
}

func listed(table, key string) bool { return slices.Contains(strings.Fields(shown[table]), key) }

// bare takes from an address what may be a password: user, query, fragment.
func bare(v string) string {
	if !strings.Contains(v, "://") {
		return v
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" {
		return "[not shown]"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}
