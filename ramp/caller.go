package ramp

// Caller is the workload that asks: a Vault entity, as Vault describes it.
type Caller struct {
	ID       string
	Name     string
	Disabled bool
	Metadata map[string]string
	Aliases  []Alias
	// Groups is filled only when the contract needs it, see [Contract.NeedsGroups].
	Groups []Group
}

// Alias is one way in which a caller is known to an auth mount. Vault does not
// tell an engine which alias logged in, so checks look at all of them.
type Alias struct {
	ID             string
	Name           string
	Accessor       string
	MountType      string
	Metadata       map[string]string
	CustomMetadata map[string]string
}

// Group is an identity group the caller belongs to.
type Group struct {
	ID   string
	Name string
}
