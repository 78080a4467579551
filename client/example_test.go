package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/stet-db/stet/client"
)

// The code inside withStore is what docs/client.md shows, word for word.

func ExampleDial() {
	withStore(func(context.Context, *client.Client) error {
		store, err := client.Dial("127.0.0.1:7838", client.Options{})
		if err != nil {
			return err
		}
		defer store.Close()
		return nil
	})
	// Output:
}

func ExampleDial_tls() {
	withStore(func(context.Context, *client.Client) error {
		store, err := client.Dial("stet.example:7838", client.Options{
			CAFile:   "ca.pem",
			CertFile: "client.pem",
			KeyFile:  "client.key",
		})
		if err != nil {
			return err
		}
		defer store.Close()
		return nil
	})
	// Output: error: dial stet.example:7838: certificates of the authority: open ca.pem: no such file or directory
}

func ExampleClient_Append() {
	withStore(func(ctx context.Context, store *client.Client) error {
		placed, err := store.Append(ctx, client.Append{
			Stream: "order-1001",
			Expect: client.NoStream(),
			Events: []client.Event{{
				Type:     "OrderPlaced",
				JSON:     `{"total":"12.50"}`,
				Metadata: map[string]string{"actor_id": "clerk-7"},
				Tags:     []string{"customer:42"},
			}},
		})
		if err != nil {
			return err
		}
		fmt.Println("version", placed.LastVersion)
		return nil
	})
	// Output: version 1
}

func ExampleConflict() {
	withStore(func(ctx context.Context, store *client.Client) error {
		version := uint64(0) // as of when we decided
		for {
			_, err := store.Append(ctx, client.Append{
				Stream: "seat-12A",
				Expect: client.ExactVersion(version),
				Events: []client.Event{{Type: "SeatTaken", JSON: `{"by":"ann"}`}},
			})
			var conflict *client.Conflict
			if errors.As(err, &conflict) {
				// Nothing was written. Read what changed, and decide again.
				version = conflict.Actual
				continue
			}
			return err
		}
	})
	// Output:
}

func ExampleClient_AppendAtomic() {
	withStore(func(ctx context.Context, store *client.Client) error {
		moved, err := store.AppendAtomic(ctx, client.AtomicAppend{Entries: []client.Entry{
			{Stream: "account-a", Expect: client.NoStream(), Events: []client.Event{{Type: "Withdrawn", JSON: `{"amount":"5.00"}`}}},
			{Stream: "account-b", Expect: client.NoStream(), Events: []client.Event{{Type: "Deposited", JSON: `{"amount":"5.00"}`}}},
			{Stream: "freeze-all", Expect: client.NoStream()}, // only a check
		}})
		if err != nil {
			return err
		}
		fmt.Println(moved.LastPosition-moved.FirstPosition+1, "events")
		return nil
	})
	// Output: 2 events
}

func ExampleClient_Pipeline() {
	withStore(func(ctx context.Context, store *client.Client) error {
		pipeline, err := store.Pipeline(ctx, client.PipelineOptions{InFlight: 64})
		if err != nil {
			return err
		}
		var results []*client.Result
		for i := range 1000 {
			result, err := pipeline.Append(ctx, client.Append{ // waits while 64 are unanswered
				Stream:    fmt.Sprintf("meter-%d", i%10),
				Expect:    client.AnyVersion(),
				Events:    []client.Event{{Type: "Measured", JSON: fmt.Sprintf(`{"value":%d}`, i)}},
				RequestID: fmt.Sprintf("readings-of-monday-%d", i),
			})
			if err != nil {
				return errors.Join(err, pipeline.Close())
			}
			results = append(results, result)
		}
		if err := pipeline.Close(); err != nil { // waits for every answer
			return err
		}
		for _, result := range results {
			if _, err := result.Wait(ctx); err != nil {
				return err
			}
		}
		fmt.Println(len(results), "appends are on disk")
		return nil
	})
	// Output: 1000 appends are on disk
}

func ExampleClient_ReadStream() {
	withStore(func(ctx context.Context, store *client.Client) error {
		for event, err := range store.ReadStream(ctx, client.StreamRead{Stream: "lamp-1"}) {
			if err != nil {
				return err
			}
			fmt.Println(event.GetVersion(), event.GetType(), event.GetJson())
		}
		return nil
	})
	// Output:
	// 1 Lit {}
	// 2 Dimmed {"to":30}
}

func ExampleClient_ReadAllBatches() {
	withStore(func(ctx context.Context, store *client.Client) error {
		placed := 0
		filter := client.Filter{{Types: []string{"OrderPlaced"}, AllTags: []string{"customer:42"}}}
		for batch, err := range store.ReadAllBatches(ctx, client.LogRead{Filter: filter}) {
			if err != nil {
				return err
			}
			placed += len(batch.GetEvents())
			if batch.GetDone() {
				fmt.Println("all up to the head:", batch.GetScannedTo() == batch.GetHead())
			}
		}
		return nil
	})
	// Output: all up to the head: true
}

func ExampleClient_Subscribe() {
	withStore(func(ctx context.Context, store *client.Client) error {
		var cursor uint64    // as stored by the last run, 0 at first
		var historyID string // likewise, "" at first
		for delivery, err := range store.Subscribe(ctx, client.Subscription{
			Category:  "lamp",
			After:     cursor,
			HistoryID: historyID,
		}) {
			var changed *client.HistoryChanged
			if errors.As(err, &changed) {
				return errors.New("a backup was restored: derive everything again from the beginning")
			}
			if err != nil {
				return err
			}
			if delivery.Kind == client.KindEvent {
				fmt.Println(delivery.Event.GetType()) // handle it
			}
			// Store both in the transaction of the handling, then nothing is handled twice.
			cursor, historyID = delivery.Cursor, delivery.HistoryID
			if delivery.Kind == client.KindCaughtUp {
				break // or go on: what follows is live
			}
		}
		fmt.Println("stored: cursor", cursor, "and a history of", len(historyID), "digits")
		return nil
	})
	// Output:
	// Lit
	// Dimmed
	// stored: cursor 2 and a history of 32 digits
}

func ExampleReason() {
	withStore(func(ctx context.Context, store *client.Client) error {
		_, err := store.GetStream(ctx, "nobody-1")
		var missing *client.NotFound
		if errors.As(err, &missing) {
			fmt.Println(missing.Stream, "was never written to:", client.Reason(err))
			return nil
		}
		return err
	})
	// Output: nobody-1 was never written to: STREAM_NOT_FOUND
}

func ExampleOutcomeUnknown() {
	withStore(func(ctx context.Context, store *client.Client) error {
		pay := client.Append{
			Stream:    "payment-77",
			Expect:    client.NoStream(),
			Events:    []client.Event{{Type: "Paid", JSON: `{"amount":"12.50"}`}},
			RequestID: "payment-77-paid", // stored before the first try, so also a new process can repeat it
		}
		_, err := store.Append(ctx, pay)
		var unknown *client.OutcomeUnknown
		if errors.As(err, &unknown) {
			// Perhaps written, perhaps not. Later, the same append again:
			_, err = store.Append(ctx, pay)
		}
		return err
	})
	// Output:
}
