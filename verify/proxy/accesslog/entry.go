// Package accesslog writes one JSON line for each request, off the path of
// the request.
package accesslog

import "time"

// Entry is a request and how it was answered. It never holds a token.
type Entry struct {
	Time       time.Time `json:"time"` // when the request came
	ID         string    `json:"request_id"`
	RemoteAddr string    `json:"remote_address"`
	Protocol   string    `json:"protocol"`
	Method     string    `json:"method"`
	Host       string    `json:"host"`
	Path       string    `json:"path"`            // as it was sent
	Query      string    `json:"query,omitempty"` // if the log is to have it
	Route      string    `json:"route,omitempty"` // pattern; "" when none matched

	Status   int   `json:"status"`             // of the answer; 0 when the connection was cut before
	Sent     int64 `json:"bytes_sent"`         // of its body
	Received int64 `json:"bytes_received"`     // of the body of the request
	Micros   int64 `json:"duration_us"`        // from request to end of the answer
	Upgraded bool  `json:"upgraded,omitempty"` // to a WebSocket: bytes are not counted then

	Outcome string `json:"outcome"`           // accepted, refused or failed
	Reason  string `json:"reason,omitempty"`  // of a refusal or failure
	Message string `json:"message,omitempty"` // the same in a sentence

	Subject    string `json:"subject,omitempty"` // this and what follows when the token is the issuer's
	Caller     string `json:"caller,omitempty"`
	Contract   string `json:"contract,omitempty"`
	ContractID string `json:"contract_id,omitempty"`
	Stage      string `json:"stage,omitempty"`
	Generation string `json:"generation,omitempty"`
	TokenID    string `json:"token_id,omitempty"`
}

// Outcomes of a request.
const (
	Accepted = "accepted"
	Refused  = "refused"
	Failed   = "failed" // accepted, and then the service, the connection or the proxy failed
)
