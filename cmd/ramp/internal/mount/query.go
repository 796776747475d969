package mount

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// MaxPage is how much a page of the ledger or of a report may have.
const MaxPage = 1000

// Query reads a path with parameters into v, as JSON does, but that numbers of
// no known type stay as they are. It returns false
// when there is nothing.
func (m *Mount) Query(ctx context.Context, path string, query map[string]string, v any) (found bool, err error) {
	values := make(map[string][]string, len(query))
	for name, value := range query {
		values[name] = []string{value}
	}
	secret, err := m.client.Logical().ReadWithDataWithContext(ctx, m.Path+"/"+path, values)
	if err != nil {
		return false, m.explain(err, "read", path)
	}
	if secret == nil {
		return false, nil
	}
	text, err := json.Marshal(secret.Data)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		err = dec.Decode(v)
	}
	if err != nil {
		return false, fmt.Errorf("%s/%s: %w", m.Path, path, err)
	}
	return true, nil
}
