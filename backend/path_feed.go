package backend

import (
	"context"
	"strconv"
	"time"

	"github.com/hashicorp/go-secure-stdlib/parseutil"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// maxWait is what a follower may ask for. It waits no longer than heldWait, so
// that a seal with many followers, which takes Vault half a second without
// any, stays below two seconds: see [backend.follow].
const (
	maxWait  = time.Second
	heldWait = 750 * time.Millisecond
)

type feedRequest struct {
	After string `json:"after" doc:"Cursor of the last message seen. Default: a snapshot of everything that is dead."`
	Wait  string `json:"wait" doc:"How long to wait for news when there are none, at most 1s. Default: not at all."`
}

func (b *backend) pathFeed() endpoint.Path {
	return endpoint.Path{
		Pattern:  "feed",
		Suffix:   "feed",
		Synopsis: "Signed stream of revocations that verifiers follow.",
		Help:     "Each answer is a compact JWS with typ ramp-feed+jwt. Ask again with after=<cursor of the answer>. It names contracts by id and callers by hash.",
		Read:     endpoint.Handle("Read the revocation feed.", b.readFeed),
	}
}

func (b *backend) readFeed(ctx context.Context, call *endpoint.Call, req *feedRequest) (*endpoint.Raw, error) {
	var after uint64
	var wait time.Duration
	var err error
	if req.After != "" {
		if after, err = strconv.ParseUint(req.After, 10, 64); err != nil {
			return nil, endpoint.BadRequest("after: %.40q is not a cursor; give the cursor of the last message, or nothing for a snapshot", req.After)
		}
	}
	if req.Wait != "" {
		if wait, err = parseutil.ParseDurationSecond(req.Wait); err != nil || wait < 0 || wait > maxWait {
			return nil, endpoint.BadRequest("wait: %.40q must be a duration of at most 1s, because a waiting request holds up seal and reload; ask again instead", req.Wait)
		}
	}
	if b.config.Load().Issuer == "" {
		return nil, endpoint.NotFound("the mount is not configured: no issuer is set")
	}
	jws, err := b.follow(ctx, call.Storage, after, min(wait, heldWait))
	return &endpoint.Raw{ContentType: "application/ramp-feed+jwt", Body: []byte(jws)}, err
}
