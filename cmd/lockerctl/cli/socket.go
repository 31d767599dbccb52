package cli

import (
	"os"

	"lockerd/daemon/control"
)

// sockets returns where a socket is looked for when none is named.
func sockets() []string {
	return []string{"/run/lockerd/control.sock", "/var/lib/lockerd/control.sock"}
}

// client returns a client of the socket that was chosen.
func (c *call) client() *control.Client { return control.NewClient(c.path(), c.by) }

func (c *call) path() string {
	if c.socket != "" {
		return c.socket
	}
	if s := c.getenv("LOCKERD_SOCKET"); s != "" {
		return s
	}
	return firstThere(sockets())
}

// firstThere is the first path that leads to anything, else the first.
func firstThere(paths []string) string {
	for _, s := range paths {
		if _, err := os.Lstat(s); err == nil {
			return s
		}
	}
	return paths[0]
}
