"""The relational stores: tables, migrations, one module per port."""
