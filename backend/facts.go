package backend

import (
	"net/netip"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// caller looks an entity up in Vault: one call, and a second one when groups
// are needed. It returns nil for a token without an entity. An entity that is
// gone counts as disabled.
func (b *backend) caller(entityID string, groups bool) (*ramp.Caller, error) {
	if entityID == "" {
		return nil, nil
	}
	entity, err := b.System().EntityInfo(entityID)
	if err != nil {
		return nil, err
	}
	if entity == nil || entity.ID == "" {
		return &ramp.Caller{ID: entityID, Name: entityID, Disabled: true}, nil
	}
	c := &ramp.Caller{ID: entity.ID, Name: entity.Name, Disabled: entity.Disabled, Metadata: entity.Metadata}
	for _, a := range entity.Aliases {
		c.Aliases = append(c.Aliases, ramp.Alias{
			ID: a.ID, Name: a.Name, Accessor: a.MountAccessor, MountType: a.MountType,
			Metadata: a.Metadata, CustomMetadata: a.CustomMetadata,
		})
	}
	if !groups {
		return c, nil
	}
	found, err := b.System().GroupsForEntity(entityID)
	if err != nil {
		return nil, err
	}
	for _, g := range found {
		c.Groups = append(c.Groups, ramp.Group{ID: g.ID, Name: g.Name})
	}
	return c, nil
}

func remoteAddr(req *logical.Request) netip.Addr {
	if req.Connection == nil {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(req.Connection.RemoteAddr)
	if err != nil {
		return netip.Addr{} // in no CIDR block
	}
	return addr.Unmap()
}
