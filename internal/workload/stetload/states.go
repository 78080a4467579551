package stetload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/workload"
)

var _ workload.StateDriver = (*Driver)(nil)

var errNoHTTP = fmt.Errorf("read states: no HTTP address was given: %w", workload.ErrUnsupported)

// maxIdle bounds the HTTP connections that wait for the next caller.
const maxIdle = 10_000

// newWeb is a client that keeps a connection for every caller.
func newWeb() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConns: maxIdle, MaxIdleConnsPerHost: maxIdle}}
}

// PutRules puts a specification into force whose types are the categories of
// the data sets: like a cart's, with a schema of four fields. It refuses to
// replace one that is not of its own making.
func (d *Driver) PutRules(ctx context.Context, r workload.Rules) error {
	if r.States && d.url == "" {
		return errNoHTTP
	}
	present, err := d.any().Spec(ctx, 0)
	var missing *client.NotFound
	if err != nil && !errors.As(err, &missing) {
		return err
	}
	if err == nil && !strings.Contains(present.GetSpec(), ruleMark) {
		return errors.New("the server has a specification of its own, which this load would replace; measure on another one")
	}
	_, err = d.any().PutSpec(ctx, &stetv1.PutSpecRequest{Spec: specificationOf(r), Force: true})
	return err
}

// ruleMark tells specifications that were made here.
const ruleMark = `"error":"made for a measurement"`

// specificationOf has a type for each data set.
func specificationOf(r workload.Rules) string {
	const event = `{"OrderPlaced":{
"schema":{"type":"object","properties":{"order":{"type":"string","pattern":"^[0-9a-f]{16}$"},"customer":{"type":"integer","minimum":0},"amount":{"type":"integer","minimum":0},"note":{"type":"string"}},"required":["order","customer","amount","note"]},
"handler":[{"append":{"target":"orders","value":"$.data.order"}},{"set":{"target":"customer","value":"$.data.customer"}},{"increment":{"target":"amount","by":"$.data.amount"}}]},
"was_never_placed":{"require":[{"that":{"exists":"@.never"},"code":"NEVER",` + ruleMark + `}]}}`
	var types []string
	for _, name := range r.Names {
		every := ""
		if r.SnapshotEvery > 0 {
			every = `"snapshot_every":` + strconv.Itoa(r.SnapshotEvery) + ","
		}
		types = append(types, fmt.Sprintf(`%q:{%s"events":%s}`, name, every, event))
	}
	return `{"aggregate_types":{` + strings.Join(types, ",") + `}}`
}

// ReadState asks over HTTP.
func (d *Driver) ReadState(ctx context.Context, stream string) (int, error) {
	if d.url == "" {
		return 0, errNoHTTP
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/"+strings.Replace(stream, "-", "/", 1), http.NoBody)
	if err != nil {
		return 0, err
	}
	answer, err := d.web.Do(request)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, fmt.Errorf("read state of %s: %w", stream, err)
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("read state of %s: %s: %.200s", stream, answer.Status, body)
	}
	return lengthOf(body)
}

// lengthOf is the length that an answer tells. Only its metadata, which come
// last, are decoded: the client is not what is measured.
func lengthOf(body []byte) (int, error) {
	const key = `"metadata":`
	at := bytes.LastIndex(body, []byte(key))
	if at < 0 {
		return 0, fmt.Errorf("the answer has no metadata: %.200s", body)
	}
	var metadata struct{ Length int }
	err := json.NewDecoder(bytes.NewReader(body[at+len(key):])).Decode(&metadata)
	return metadata.Length, err
}
