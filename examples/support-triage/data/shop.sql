-- The shop's business data. uzel runs this script once, in one transaction, when data/shop.db does not exist.
-- All people are invented. "Today" is a setting, so that the example gives the same results in any year.

CREATE TABLE settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  today TEXT NOT NULL,                        -- ISO date
  return_window_days INTEGER NOT NULL,        -- the customer changed their mind
  fault_window_days INTEGER NOT NULL,         -- faulty, damaged, wrong, missing
  return_label_cents INTEGER NOT NULL,        -- taken off a refund without a fault
  approval_limit_cents INTEGER NOT NULL,      -- above it a person decides
  approval_after_refunds INTEGER NOT NULL     -- from this many earlier refunds of a customer a person decides
) STRICT;

CREATE TABLE customers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  country TEXT NOT NULL                       -- ISO 3166-1 alpha-2
) STRICT;

CREATE TABLE products (
  sku TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  category TEXT NOT NULL,
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  returnable INTEGER NOT NULL CHECK (returnable IN (0, 1)),  -- may be returned without a fault
  recalled INTEGER NOT NULL CHECK (recalled IN (0, 1))       -- refunded whatever its age
) STRICT;

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  customer_id TEXT NOT NULL REFERENCES customers (id),
  status TEXT NOT NULL CHECK (status IN ('placed', 'shipped', 'delivered', 'cancelled', 'lost')),
  ordered_on TEXT NOT NULL,
  delivered_on TEXT,
  items_cents INTEGER NOT NULL CHECK (items_cents >= 0),
  shipping_cents INTEGER NOT NULL CHECK (shipping_cents >= 0),
  CHECK ((status = 'delivered') = (delivered_on IS NOT NULL))
) STRICT;

CREATE TABLE order_items (
  order_id TEXT NOT NULL REFERENCES orders (id),
  sku TEXT NOT NULL REFERENCES products (sku),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  unit_cents INTEGER NOT NULL CHECK (unit_cents >= 0),
  PRIMARY KEY (order_id, sku)
) STRICT;

-- The ledger. `key` is the idempotency key of the effect that paid: one effect, one row, however often it is repeated.
CREATE TABLE refunds (
  key TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  customer_id TEXT NOT NULL REFERENCES customers (id),
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  reason TEXT NOT NULL,
  approved_by TEXT NOT NULL,                  -- a person, or 'rules'
  created_on TEXT NOT NULL
) STRICT;
CREATE INDEX refunds_by_order ON refunds (order_id);
CREATE INDEX refunds_by_customer ON refunds (customer_id, created_on);

-- Everything the refund rules need to know about one order, with the settings in the same row.
CREATE VIEW order_facts AS
SELECT
  o.id,
  o.customer_id,
  o.status,
  o.ordered_on,
  o.delivered_on,
  CAST(julianday(s.today) - julianday(o.delivered_on) AS INTEGER) AS age_days,
  (SELECT group_concat(i.quantity || ' x ' || p.title, ', ')
     FROM order_items AS i JOIN products AS p USING (sku) WHERE i.order_id = o.id) AS items,
  o.items_cents + o.shipping_cents AS total_cents,
  (SELECT COALESCE(SUM(i.quantity * i.unit_cents), 0)
     FROM order_items AS i JOIN products AS p USING (sku) WHERE i.order_id = o.id AND p.returnable) AS returnable_cents,
  (SELECT COALESCE(SUM(i.quantity * i.unit_cents), 0)
     FROM order_items AS i JOIN products AS p USING (sku) WHERE i.order_id = o.id AND p.recalled) AS recalled_cents,
  (SELECT COALESCE(SUM(r.amount_cents), 0) FROM refunds AS r WHERE r.order_id = o.id) AS refunded_cents,
  -- Refunds of today are left out, so that the order in which one batch is worked off does not matter.
  (SELECT COUNT(*) FROM refunds AS r WHERE r.customer_id = o.customer_id AND r.created_on < s.today) AS earlier_refunds,
  s.return_window_days,
  s.fault_window_days,
  s.return_label_cents,
  s.approval_limit_cents,
  s.approval_after_refunds
FROM orders AS o CROSS JOIN settings AS s;

INSERT INTO settings VALUES (1, '2025-06-16', 30, 60, 390, 5000, 3);

INSERT INTO customers (id, name, country) VALUES
  ('c-001', 'Marta Svobodová', 'CZ'),
  ('c-002', 'Jonas Weber', 'DE'),
  ('c-003', 'Claire Dubois', 'FR'),
  ('c-004', 'Lucía Romero', 'ES'),
  ('c-005', 'Tom Ashworth', 'GB'),
  ('c-006', 'Anna Kowalska', 'PL'),
  ('c-007', 'Peter Novák', 'SK'),
  ('c-008', 'Ingrid Hansen', 'NO'),
  ('c-009', 'Oleg Petrov', 'DE'),
  ('c-010', 'Emily Carter', 'IE'),
  ('c-011', 'Lukas Steiner', 'AT'),
  ('c-012', 'Rita Almeida', 'PT'),
  ('c-013', 'Ben Fischer', 'DE'),
  ('c-014', 'Sofia Rossi', 'IT'),
  ('c-015', 'Jakub Dvořák', 'CZ'),
  ('c-016', 'Nora Lindqvist', 'SE'),
  ('c-017', 'Hugo Martin', 'FR'),
  ('c-018', 'Elena Sokolova', 'CZ'),
  ('c-019', 'Mark Jansen', 'NL'),
  ('c-020', 'Paula García', 'ES'),
  ('c-021', 'Simon Keller', 'CH'),
  ('c-022', 'Aoife Byrne', 'IE'),
  ('c-023', 'Tereza Malá', 'CZ'),
  ('c-024', 'Viktor Orlov', 'AT'),
  ('c-025', 'Lea Schmitt', 'DE'),
  ('c-026', 'Adam Green', 'GB'),
  ('c-027', 'Chloé Bernard', 'BE'),
  ('c-028', 'Miguel Torres', 'ES'),
  ('c-029', 'Karin Berg', 'DE'),
  ('c-030', 'Dan Popescu', 'RO');

INSERT INTO products (sku, title, category, price_cents, returnable, recalled) VALUES
  ('LMP-01', 'Lumen 200 camp lamp', 'camping', 3490, 1, 0),
  ('LMP-02', 'Lumen headlamp', 'camping', 3990, 1, 0),
  ('TNT-02', 'Field 2 tent', 'camping', 28900, 1, 0),
  ('TNT-04', 'Field 4 family tent', 'camping', 46900, 1, 0),
  ('MUG-01', 'Enamel mug', 'home', 1490, 1, 0),
  ('BTL-01', 'Steel bottle 0.75 l', 'home', 2490, 1, 0),
  ('JKT-01', 'Ridge rain jacket', 'clothing', 14900, 1, 0),
  ('FLC-01', 'Tarn fleece', 'clothing', 5990, 1, 0),
  ('SHT-01', 'Hill shirt', 'clothing', 4490, 1, 0),
  ('TRS-01', 'Moor trousers', 'clothing', 7990, 1, 0),
  ('BTS-01', 'Cairn hiking boots', 'footwear', 15900, 1, 0),
  ('SHO-01', 'Beck walking shoes', 'footwear', 9900, 1, 0),
  ('BLY-01', 'Merino base layer', 'hygiene', 5490, 0, 0),
  ('SCK-01', 'Trail socks, 3 pairs', 'hygiene', 2190, 0, 0),
  ('FLT-01', 'Water filter', 'hygiene', 3290, 0, 0),
  ('GFT-50', 'Gift card 50 EUR', 'gift_card', 5000, 0, 0),
  ('GFT-100', 'Gift card 100 EUR', 'gift_card', 10000, 0, 0),
  ('KNF-E', 'Pocket knife, engraved', 'personalised', 4290, 0, 0),
  ('BLK-E', 'Wool blanket, embroidered', 'personalised', 8990, 0, 0),
  ('STV-EM2', 'Ember 2 gas stove', 'camping', 7490, 1, 1),
  ('STV-03', 'Ember 3 gas stove', 'camping', 8290, 1, 0),
  ('SLP-01', 'Down sleeping bag', 'camping', 21900, 1, 0),
  ('MAT-01', 'Sleeping mat', 'camping', 4690, 1, 0),
  ('PCK-01', 'Field 35 backpack', 'camping', 11900, 1, 0),
  ('COF-01', 'Camp coffee 500 g', 'home', 1390, 1, 0),
  ('GAS-01', 'Gas cartridge 230 g, 4 pieces', 'camping', 2290, 1, 0),
  ('PWR-01', 'Power bank 10 Ah', 'camping', 3890, 1, 0),
  ('HAT-01', 'Sun hat', 'clothing', 2790, 1, 0),
  ('PGS-01', 'Tent pegs, 10 pieces', 'camping', 1190, 1, 0),
  ('CHR-01', 'Folding chair', 'home', 4590, 1, 0);

INSERT INTO orders (id, customer_id, status, ordered_on, delivered_on, items_cents, shipping_cents) VALUES
  ('A-1001', 'c-001', 'delivered', '2025-06-05', '2025-06-09', 3490, 490),
  ('A-1002', 'c-002', 'delivered', '2025-06-06', '2025-06-10', 28900, 0),
  ('A-1003', 'c-003', 'delivered', '2025-06-07', '2025-06-11', 2980, 490),
  ('A-1004', 'c-004', 'delivered', '2025-04-16', '2025-04-20', 14900, 0),
  ('A-1005', 'c-005', 'delivered', '2025-05-30', '2025-06-03', 15900, 1490),
  ('A-1006', 'c-006', 'delivered', '2025-05-26', '2025-05-30', 5990, 490),
  ('A-1007', 'c-007', 'delivered', '2025-06-08', '2025-06-12', 3990, 490),
  ('A-1008', 'c-008', 'delivered', '2025-05-21', '2025-05-25', 4490, 1490),
  ('A-1009', 'c-009', 'delivered', '2025-06-09', '2025-06-13', 5000, 0),
  ('A-1010', 'c-010', 'delivered', '2025-06-03', '2025-06-07', 4290, 490),
  ('A-1011', 'c-011', 'delivered', '2025-05-31', '2025-06-04', 4690, 490),
  ('A-1012', 'c-012', 'delivered', '2025-06-04', '2025-06-08', 2490, 490),
  ('A-1013', 'c-013', 'delivered', '2025-06-10', '2025-06-14', 46900, 1900),
  ('A-1014', 'c-014', 'delivered', '2025-05-23', '2025-05-27', 2790, 490),
  ('A-1015', 'c-015', 'shipped', '2025-06-13', NULL, 11900, 0),
  ('A-1016', 'c-016', 'delivered', '2025-02-25', '2025-03-01', 21900, 0),
  ('A-1017', 'c-017', 'delivered', '2025-06-02', '2025-06-06', 4590, 490),
  ('A-1018', 'c-018', 'delivered', '2025-06-06', '2025-06-10', 5490, 490),
  ('A-1019', 'c-019', 'lost', '2025-05-23', NULL, 3880, 490),
  ('A-1020', 'c-020', 'delivered', '2025-05-28', '2025-06-01', 9900, 0),
  ('A-1021', 'c-021', 'delivered', '2025-06-01', '2025-06-05', 3890, 1490),
  ('A-1022', 'c-022', 'delivered', '2025-05-10', '2025-05-14', 7990, 0),
  ('A-1023', 'c-023', 'placed', '2025-06-16', NULL, 4980, 490),
  ('A-1024', 'c-024', 'delivered', '2025-01-25', '2025-01-29', 7490, 0),
  ('A-1025', 'c-025', 'delivered', '2025-05-25', '2025-05-29', 4490, 490),
  ('A-1026', 'c-026', 'delivered', '2025-05-18', '2025-05-22', 14900, 1490),
  ('A-1027', 'c-027', 'delivered', '2025-05-14', '2025-05-18', 1490, 490),
  ('A-1028', 'c-028', 'cancelled', '2025-06-11', NULL, 9180, 0),
  ('A-1029', 'c-029', 'delivered', '2025-06-11', '2025-06-15', 26590, 0),
  ('A-1030', 'c-030', 'delivered', '2025-05-13', '2025-05-17', 3490, 490),
  ('A-1031', 'c-001', 'delivered', '2025-05-12', '2025-05-16', 2490, 490),
  ('A-1032', 'c-002', 'shipped', '2025-06-14', NULL, 4580, 490),
  ('A-1033', 'c-003', 'delivered', '2025-05-03', '2025-05-07', 8290, 0),
  ('A-1034', 'c-004', 'delivered', '2025-06-06', '2025-06-10', 4490, 490),
  ('A-1035', 'c-005', 'delivered', '2025-05-24', '2025-05-28', 2380, 1490),
  ('A-1036', 'c-006', 'shipped', '2025-06-10', NULL, 15900, 0),
  ('A-1037', 'c-007', 'delivered', '2025-05-29', '2025-06-02', 2780, 490),
  ('A-1038', 'c-008', 'delivered', '2025-04-12', '2025-04-16', 3890, 1490),
  ('A-1039', 'c-009', 'delivered', '2025-05-22', '2025-05-26', 7990, 0),
  ('A-1040', 'c-010', 'lost', '2025-05-17', NULL, 20890, 0),
  ('A-1041', 'c-011', 'delivered', '2025-06-07', '2025-06-11', 8990, 0),
  ('A-1042', 'c-012', 'delivered', '2025-06-03', '2025-06-07', 3990, 490),
  ('A-1043', 'c-013', 'delivered', '2025-05-27', '2025-05-31', 4980, 490),
  ('A-1044', 'c-014', 'delivered', '2025-06-04', '2025-06-08', 3290, 490),
  ('A-1045', 'c-015', 'delivered', '2025-05-16', '2025-05-20', 8180, 0),
  ('A-1046', 'c-016', 'delivered', '2025-06-09', '2025-06-13', 5960, 0),
  ('A-1047', 'c-017', 'delivered', '2025-05-19', '2025-05-23', 2790, 490),
  ('A-1048', 'c-018', 'delivered', '2025-06-05', '2025-06-09', 10000, 0),
  ('A-1049', 'c-019', 'delivered', '2025-05-31', '2025-06-04', 9900, 0),
  ('A-1050', 'c-020', 'delivered', '2025-06-02', '2025-06-06', 1190, 490),
  ('A-1051', 'c-021', 'shipped', '2025-06-08', NULL, 28900, 1490),
  ('A-1052', 'c-022', 'delivered', '2025-06-10', '2025-06-14', 4590, 490),
  ('A-1053', 'c-023', 'delivered', '2025-04-25', '2025-04-29', 11900, 0),
  ('A-1054', 'c-024', 'delivered', '2025-05-30', '2025-06-03', 3490, 490),
  ('A-1055', 'c-025', 'delivered', '2024-05-08', '2024-05-12', 28900, 0),
  ('A-1056', 'c-026', 'placed', '2025-06-15', NULL, 2490, 1490),
  ('A-1057', 'c-027', 'delivered', '2025-05-24', '2025-05-28', 7280, 0),
  ('A-1058', 'c-028', 'delivered', '2025-06-01', '2025-06-05', 1390, 490),
  ('A-1059', 'c-029', 'delivered', '2025-04-18', '2025-04-22', 3990, 490),
  ('A-1060', 'c-030', 'delivered', '2025-06-07', '2025-06-11', 15900, 0),
  ('A-1061', 'c-001', 'delivered', '2025-05-17', '2025-05-21', 4690, 490),
  ('A-1062', 'c-002', 'delivered', '2025-04-03', '2025-04-07', 9900, 0),
  ('A-1063', 'c-003', 'shipped', '2025-06-12', NULL, 7990, 0),
  ('A-1064', 'c-009', 'delivered', '2025-06-03', '2025-06-07', 3890, 490),
  ('A-1065', 'c-012', 'delivered', '2025-01-13', '2025-01-17', 9780, 0),
  ('A-1066', 'c-015', 'delivered', '2025-06-04', '2025-06-08', 4470, 490),
  ('A-1067', 'c-018', 'delivered', '2025-05-31', '2025-06-04', 3490, 490),
  ('A-1068', 'c-020', 'shipped', '2025-06-07', NULL, 21900, 0),
  ('A-1069', 'c-024', 'delivered', '2025-05-26', '2025-05-30', 5580, 490),
  ('A-1070', 'c-030', 'delivered', '2025-04-29', '2025-05-03', 46900, 0),
  ('A-1071', 'c-013', 'delivered', '2024-11-24', '2024-11-28', 3490, 490),
  ('A-1072', 'c-013', 'delivered', '2025-01-13', '2025-01-17', 4490, 490),
  ('A-1073', 'c-013', 'delivered', '2025-03-14', '2025-03-18', 2790, 490);

INSERT INTO order_items (order_id, sku, quantity, unit_cents) VALUES
  ('A-1001', 'LMP-01', 1, 3490),
  ('A-1002', 'TNT-02', 1, 28900),
  ('A-1003', 'MUG-01', 2, 1490),
  ('A-1004', 'JKT-01', 1, 14900),
  ('A-1005', 'BTS-01', 1, 15900),
  ('A-1006', 'FLC-01', 1, 5990),
  ('A-1007', 'LMP-02', 1, 3990),
  ('A-1008', 'SHT-01', 1, 4490),
  ('A-1009', 'GFT-50', 1, 5000),
  ('A-1010', 'KNF-E', 1, 4290),
  ('A-1011', 'MAT-01', 1, 4690),
  ('A-1012', 'BTL-01', 1, 2490),
  ('A-1013', 'TNT-04', 1, 46900),
  ('A-1014', 'HAT-01', 1, 2790),
  ('A-1015', 'PCK-01', 1, 11900),
  ('A-1016', 'SLP-01', 1, 21900),
  ('A-1017', 'CHR-01', 1, 4590),
  ('A-1018', 'BLY-01', 1, 5490),
  ('A-1019', 'BTL-01', 1, 2490),
  ('A-1019', 'COF-01', 1, 1390),
  ('A-1020', 'SHO-01', 1, 9900),
  ('A-1021', 'PWR-01', 1, 3890),
  ('A-1022', 'TRS-01', 1, 7990),
  ('A-1023', 'HAT-01', 1, 2790),
  ('A-1023', 'SCK-01', 1, 2190),
  ('A-1024', 'STV-EM2', 1, 7490),
  ('A-1025', 'SHT-01', 1, 4490),
  ('A-1026', 'JKT-01', 1, 14900),
  ('A-1027', 'MUG-01', 1, 1490),
  ('A-1028', 'CHR-01', 2, 4590),
  ('A-1029', 'SLP-01', 1, 21900),
  ('A-1029', 'MAT-01', 1, 4690),
  ('A-1030', 'LMP-01', 1, 3490),
  ('A-1031', 'BTL-01', 1, 2490),
  ('A-1032', 'GAS-01', 2, 2290),
  ('A-1033', 'STV-03', 1, 8290),
  ('A-1034', 'SHT-01', 1, 4490),
  ('A-1035', 'PGS-01', 2, 1190),
  ('A-1036', 'BTS-01', 1, 15900),
  ('A-1037', 'COF-01', 2, 1390),
  ('A-1038', 'PWR-01', 1, 3890),
  ('A-1039', 'TRS-01', 1, 7990),
  ('A-1040', 'JKT-01', 1, 14900),
  ('A-1040', 'FLC-01', 1, 5990),
  ('A-1041', 'BLK-E', 1, 8990),
  ('A-1042', 'LMP-02', 1, 3990),
  ('A-1043', 'BTL-01', 2, 2490),
  ('A-1044', 'FLT-01', 1, 3290),
  ('A-1045', 'FLC-01', 1, 5990),
  ('A-1045', 'SCK-01', 1, 2190),
  ('A-1046', 'MUG-01', 4, 1490),
  ('A-1047', 'HAT-01', 1, 2790),
  ('A-1048', 'GFT-100', 1, 10000),
  ('A-1049', 'SHO-01', 1, 9900),
  ('A-1050', 'PGS-01', 1, 1190),
  ('A-1051', 'TNT-02', 1, 28900),
  ('A-1052', 'CHR-01', 1, 4590),
  ('A-1053', 'PCK-01', 1, 11900),
  ('A-1054', 'LMP-01', 1, 3490),
  ('A-1055', 'TNT-02', 1, 28900),
  ('A-1056', 'BTL-01', 1, 2490),
  ('A-1057', 'SHT-01', 1, 4490),
  ('A-1057', 'HAT-01', 1, 2790),
  ('A-1058', 'COF-01', 1, 1390),
  ('A-1059', 'LMP-02', 1, 3990),
  ('A-1060', 'BTS-01', 1, 15900),
  ('A-1061', 'MAT-01', 1, 4690),
  ('A-1062', 'SHO-01', 1, 9900),
  ('A-1063', 'TRS-01', 1, 7990),
  ('A-1064', 'PWR-01', 1, 3890),
  ('A-1065', 'STV-EM2', 1, 7490),
  ('A-1065', 'GAS-01', 1, 2290),
  ('A-1066', 'MUG-01', 3, 1490),
  ('A-1067', 'LMP-01', 1, 3490),
  ('A-1068', 'SLP-01', 1, 21900),
  ('A-1069', 'HAT-01', 2, 2790),
  ('A-1070', 'TNT-04', 1, 46900),
  ('A-1071', 'LMP-01', 1, 3490),
  ('A-1072', 'SHT-01', 1, 4490),
  ('A-1073', 'HAT-01', 1, 2790);

INSERT INTO refunds (key, order_id, customer_id, amount_cents, reason, approved_by, created_on) VALUES
  ('seed-0001', 'A-1008', 'c-008', 5980, 'the goods were faulty, damaged, wrong or missing', 'm.kralova', '2025-06-09'),
  ('seed-0002', 'A-1046', 'c-016', 5960, 'the goods were faulty, damaged, wrong or missing', 'm.kralova', '2025-06-15'),
  ('seed-0003', 'A-1071', 'c-013', 3100, 'the goods are returned within the return window', 'rules', '2024-12-18'),
  ('seed-0004', 'A-1072', 'c-013', 4100, 'the goods are returned within the return window', 'rules', '2025-02-06'),
  ('seed-0005', 'A-1073', 'c-013', 2400, 'the goods are returned within the return window', 'rules', '2025-04-07'),
  ('seed-0006', 'A-1057', 'c-027', 2790, 'a part of the order was returned', 'rules', '2025-06-07');
