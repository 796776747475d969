package vaulttest

import "github.com/hashicorp/vault/api"

// An Option changes what Start and StartCluster start.
type Option func(*options)

type options struct {
	raft, audit, bare bool
	mount             string
}

// WithRaft stores data in raft on disk instead of in memory, so that the server can be restarted.
func WithRaft() Option { return func(o *options) { o.raft = true } }

// WithAudit enables a file audit device that writes to AuditPath.
func WithAudit() Option { return func(o *options) { o.audit = true } }

// WithMount mounts and configures Ramp at path, as MountConfigured does.
func WithMount(path string) Option { return func(o *options) { o.mount = path } }

// WithoutPlugin neither builds nor registers Ramp.
func WithoutPlugin() Option { return func(o *options) { o.bare = true } }

func gather(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// equip does what the options ask of a server, or cluster, that serves already.
func (s *Server) equip(o options) {
	s.t.Helper()
	if o.audit {
		s.enableAudit()
	}
	if !o.bare {
		s.Register(DefaultVersion)
	}
	if o.mount != "" {
		s.MountConfigured(o.mount)
	}
}

func (s *Server) enableAudit() {
	s.t.Helper()
	err := s.Client.Sys().EnableAuditWithOptions("file", &api.EnableAuditOptions{
		Type:    "file",
		Options: map[string]string{"file_path": s.AuditPath},
	})
	if err != nil {
		s.t.Fatalf("enable audit device: %v", err)
	}
}
