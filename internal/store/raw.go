package store

import "context"

// Exec runs a statement as an operator would at the database's own prompt.
// Only tools and tests call it.
func (s *Store) Exec(ctx context.Context, query string) error {
	_, err := s.wdb.ExecContext(ctx, query)
	return err
}

// QueryText runs a query as an operator would and returns its rows as texts,
// NULL as "NULL". Only tools and tests call it.
func (s *Store) QueryText(ctx context.Context, query string) ([][]string, error) {
	rows, err := s.wdb.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for rows.Next() {
		cells := make([]*string, len(cols))
		into := make([]any, len(cols))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(cols))
		for i, c := range cells {
			row[i] = "NULL"
			if c != nil {
				row[i] = *c
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}
