package backend

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// revocations knows what should be true of a rig to which anything may happen.
type revocations struct {
	*rig
	held      []*logical.Response
	killed    map[*logical.Response]bool
	floor     float64
	highest   float64
	suspended map[string]bool // path
	narrow    bool            // the contract grants its shorter max_ttl
	follower  revocation.State
	cursor    uint64
}

func (m *revocations) killAll() {
	for _, resp := range m.held {
		m.killed[resp] = true
	}
}

func (m *revocations) any(t *rapid.T) *logical.Response {
	if len(m.held) == 0 {
		t.Skip("nothing is held")
	}
	return m.held[rapid.IntRange(0, len(m.held)-1).Draw(t, "held")]
}

func (m *revocations) expired(resp *logical.Response) bool {
	end, _ := time.Parse(time.RFC3339, resp.Data["expires_at"].(string))
	return !m.clock.now().Before(end)
}

func (m *revocations) toggle(path string) {
	op := "/suspend"
	if m.suspended[path] {
		op = "/resume"
	} else {
		m.killAll() // there is one caller, one contract and one service
	}
	m.write(path+op, nil)
	m.suspended[path] = !m.suspended[path]
}

func (m *revocations) stopped() bool {
	return m.suspended["roles/"+role] || m.suspended["services/payments"] || m.suspended["callers/e-orders"]
}

func (m *revocations) issue(t *rapid.T) {
	resp, err := m.do(logical.ReadOperation, "creds/"+role, "e-orders", nil)
	if (err != nil) != m.stopped() {
		t.Fatalf("stopped by %v, and issuing says %v", m.suspended, err)
	}
	if err != nil {
		return
	}
	serial := number(resp.Data["serial"])
	if serial <= m.highest || serial < m.floor {
		t.Fatalf("serial %v after %v, the floor is %v", serial, m.highest, m.floor)
	}
	resp.Secret.IssueTime = m.clock.now()
	m.highest = serial
	m.held = append(m.held, resp)
}

func (m *revocations) renewOne(t *rapid.T) {
	resp := m.any(t)
	refused := m.killed[resp] || m.expired(resp)
	if _, err := m.renew(resp); (err != nil) != refused || err != nil && status(err) != 403 {
		t.Fatalf("killed %t, expired %t, and the renewal says %v", m.killed[resp], m.expired(resp), err)
	}
}

// check holds the world against what it should be.
func (m *revocations) check(t *rapid.T) {
	for range 20 { // a few times: news could come in pieces
		message := m.feed(m.cursor)
		if err := m.follower.Apply(&message); err != nil {
			t.Fatal(err)
		}
		if m.cursor == message.Cursor {
			break
		}
		m.cursor = message.Cursor
	}
	if floor := number(m.read("roles/" + role)["floor"]); floor < m.floor {
		t.Fatalf("the floor fell from %v to %v", m.floor, floor)
	} else {
		m.floor = floor
	}
	for _, resp := range m.held {
		alive := !m.killed[resp] && !m.expired(resp)
		if active := m.active(resp.Data["token"]); active != alive {
			t.Fatalf("%v: killed %t, expired %t, active %t", resp.Data["jti"], m.killed[resp], m.expired(resp), active)
		}
		if told := m.follower.Dead(m.credential(resp), m.clock.now().Unix()); (told == "") == m.killed[resp] && !m.expired(resp) {
			t.Fatalf("%v: killed %t, and its follower says %q", resp.Data["jti"], m.killed[resp], told)
		}
	}
}

// Whatever happens in whatever order, restarts included: serials and floors
// only grow, the dead stay dead, the others live, and followers know.
func TestAnythingMayHappen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &revocations{rig: newRig(drawn{t, rt}), killed: map[*logical.Response]bool{}, highest: -1, suspended: map[string]bool{}}
		m.contract()
		rt.Repeat(map[string]func(*rapid.T){
			"issue":       m.issue,
			"issue again": m.issue,
			"renew":       m.renewOne,
			"revoke lease": func(t *rapid.T) {
				resp := m.any(t)
				m.revoke(resp)
				m.killed[resp] = true
			},
			"revoke token": func(t *rapid.T) {
				resp := m.any(t)
				m.write("revoke", map[string]any{"token": resp.Data["token"]})
				m.killed[resp] = true
			},
			"revoke role":     func(*rapid.T) { m.write("roles/"+role+"/revoke", nil); m.killAll() },
			"revoke caller":   func(*rapid.T) { m.write("roles/"+role+"/revoke", map[string]any{"caller": "e-orders"}); m.killAll() },
			"suspend role":    func(*rapid.T) { m.toggle("roles/" + role) },
			"suspend service": func(*rapid.T) { m.toggle("services/payments") },
			"suspend caller":  func(*rapid.T) { m.toggle("callers/e-orders") },
			"edit role": func(*rapid.T) {
				if m.narrow = !m.narrow; m.narrow {
					m.write("roles/"+role, map[string]any{"max_ttl": "30m"})
					m.killAll()
					return
				}
				m.write("roles/"+role, map[string]any{"max_ttl": "50m"})
			},
			"rotate": func(*rapid.T) {
				if _, kids := m.keyStates("default"); len(kids) < 20 {
					m.write("keys/default/rotate", nil)
				}
			},
			"compromise": func(t *rapid.T) {
				_, kids := m.keyStates("default")
				kid := kids[rapid.IntRange(0, len(kids)-1).Draw(t, "key")]
				m.write("keys/default/revoke", map[string]any{"kid": kid})
				for _, resp := range m.held {
					m.killed[resp] = m.killed[resp] || m.credential(resp).KeyID == kid
				}
			},
			"wait": func(t *rapid.T) {
				m.clock.advance(time.Duration(rapid.Int64Range(1, 4000).Draw(t, "seconds")) * time.Second)
			},
			"tick":    func(*rapid.T) { m.tick() },
			"restart": func(*rapid.T) { m.start() },
			"":        m.check,
		})
	})
}
