package backend

import (
	"context"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

func (b *backend) pathRoleSuspend() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/suspend", Suffix: "role", Verb: "suspend",
		Synopsis: "Stop a contract and kill what it issued.",
		Help:     "Nothing is issued or renewed until the contract is resumed, and what was issued is dead.",
		Write: endpoint.Handle("Stop a contract and kill what it issued.", func(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*endpoint.Nothing, error) {
			return nil, b.onContract(ctx, call, req.Name, func(c *contract) error {
				if err := b.setSuspended(ctx, call, c, true); err != nil {
					return err
				}
				return b.raiseFloor(ctx, call.Storage, c)
			})
		}),
	}
}

func (b *backend) pathRoleResume() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/resume", Suffix: "role", Verb: "resume",
		Synopsis: "Let a contract issue again.",
		Help:     "Credentials issued before the suspension stay dead.",
		Write: endpoint.Handle("Let a contract issue again.", func(ctx context.Context, call *endpoint.Call, req *endpoint.Named) (*endpoint.Nothing, error) {
			return nil, b.onContract(ctx, call, req.Name, func(c *contract) error {
				return b.setSuspended(ctx, call, c, false)
			})
		}),
	}
}

type roleRevokeRequest struct {
	endpoint.Named
	Caller string `json:"caller" doc:"Entity ID of the one caller to revoke. Default: all callers."`
}

type roleRevokeResponse struct {
	Floor uint64 `json:"floor" doc:"Every serial below is dead, for the caller if one was named."`
}

func (b *backend) pathRoleRevoke() endpoint.Path {
	return endpoint.Path{
		Pattern: "roles/" + name() + "/revoke", Suffix: "role", Verb: "revoke",
		Synopsis: "Kill everything a contract has issued so far.",
		Help:     "One write, however many credentials. The contract keeps issuing: callers fetch new credentials.",
		Write: endpoint.Handle("Kill everything a contract has issued so far.", func(ctx context.Context, call *endpoint.Call, req *roleRevokeRequest) (*roleRevokeResponse, error) {
			resp := &roleRevokeResponse{}
			return resp, b.onContract(ctx, call, req.Name, func(c *contract) error {
				told := c.about(kindRoleRevoke)
				told.caller = req.Caller
				if err := b.tell(ctx, told); err != nil {
					return err
				}
				if req.Caller != "" {
					resp.Floor = c.used()
					return b.raiseCallerFloor(ctx, call.Storage, c, req.Caller)
				}
				err := b.raiseFloor(ctx, call.Storage, c)
				resp.Floor = c.state.Floor
				return err
			})
		}),
	}
}

// onContract runs a change with the contract's lock held for writing.
func (b *backend) onContract(ctx context.Context, call *endpoint.Call, name string, change func(*contract) error) error {
	sl, done, err := b.contracts.write(ctx, call.Storage, name)
	if err != nil {
		return err
	}
	defer done()
	if sl.value == nil {
		return endpoint.NotFound("there is no contract %q", name)
	}
	err = change(sl.value)
	if _, ours := endpoint.Answer(err); ours {
		sl.value = nil // read again what is stored
	}
	return err
}

func (b *backend) setSuspended(ctx context.Context, call *endpoint.Call, c *contract, suspended bool) error {
	if c.state.Suspended == suspended {
		return nil
	}
	kind := kindRoleResume
	if suspended {
		kind = kindRoleSuspend
	}
	if err := b.tell(ctx, c.about(kind)); err != nil {
		return err
	}
	state := c.state
	state.Suspended = suspended
	if err := put(ctx, call.Storage, statePrefix+c.ID, state); err != nil {
		return err
	}
	c.state = state
	return nil
}
