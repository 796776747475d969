package revocation

// A Feed message tells verifiers what died. It travels as the payload of a
// compact JWS with typ ramp-feed+jwt, signed with a key of the issuer's JWKS.
//
// Cursors only grow, also when the issuer restarts or fails over. A message
// takes a follower that stands at After to Cursor; a snapshot takes any
// follower there.
type Feed struct {
	Issuer   string  `json:"iss"`
	IssuedAt int64   `json:"iat"`
	Cursor   uint64  `json:"cursor"`
	After    uint64  `json:"after"`
	Snapshot bool    `json:"snapshot,omitempty"`
	Events   []Event `json:"events,omitempty"`
	Lists    []Chunk `json:"lists,omitempty"` // snapshots only
}

// Event types.
const (
	EventSerial = "serial" // the credential Serial of Contract is dead
	EventFloor  = "floor"  // all credentials of Contract below Floor are dead; with Caller, those of that caller
	EventCaller = "caller" // all credentials of Caller issued before Before are dead
	EventKey    = "key"    // the key KeyID is compromised: all it signed is dead
)

// Event is one thing that died. Callers are hashed, see token.CallerHash.
type Event struct {
	Type     string `json:"type"`
	Contract string `json:"contract,omitempty"`
	Serial   uint64 `json:"serial,omitempty"`
	Floor    uint64 `json:"floor,omitempty"`
	Caller   string `json:"caller,omitempty"`
	Before   int64  `json:"before,omitempty"` // NumericDate
	KeyID    string `json:"kid,omitempty"`
	From     int64  `json:"from,omitempty"`  // of a floor: NumericDate from which it holds, 0 for at once
	Until    int64  `json:"until,omitempty"` // NumericDate after which all it killed has expired anyway
}

// Chunk is the revoked serials of a contract that status list N covers.
type Chunk struct {
	Contract string `json:"contract"`
	N        uint64 `json:"n"`
	List     string `json:"lst"`
	Until    int64  `json:"until"`
}
