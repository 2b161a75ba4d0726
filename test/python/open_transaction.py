"""Changes a row in ADBC's default transaction, prints a line and then sleeps forever. open_transaction.py URI USER KEY"""
import sys

import adbc_driver_flightsql.dbapi as adbc

uri, user, key = sys.argv[1:]
connection = adbc.connect(uri, db_kwargs={"username": user, "password": key})
cursor = connection.cursor()
cursor.execute("UPDATE t SET i = 2")
cursor.fetchall()
print("changed", flush=True)
sys.stdin.read()
