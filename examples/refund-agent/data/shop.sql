-- A shop with three orders. uzel runs this script once, when data/shop.db does not exist. All people are invented.

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  item TEXT NOT NULL,
  cents INTEGER NOT NULL CHECK (cents > 0),
  status TEXT NOT NULL CHECK (status IN ('placed', 'shipped', 'delivered'))
) STRICT;

CREATE TABLE refunds (
  key TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  cents INTEGER NOT NULL CHECK (cents > 0)
) STRICT;

INSERT INTO orders (id, email, item, cents, status) VALUES
  ('A-17', 'mia@example.com', 'a blue teapot', 2400, 'delivered'),
  ('A-12', 'mia@example.com', 'six cups', 3600, 'delivered'),
  ('A-15', 'tom@example.com', 'a kettle', 5900, 'shipped');
