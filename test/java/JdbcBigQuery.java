import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

/** Metadata of a BigQuery source with the JDBC driver; prints a line "step = result" for each step. */
public final class JdbcBigQuery {
  private JdbcBigQuery() {}

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("useEncryption", "false");
    properties.put("catalog", "test-project");
    // It is not closed: with a catalog, closing fails in the driver.
    Connection connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties);
    DatabaseMetaData meta = connection.getMetaData();
    String[] column = {"TABLE_NAME", "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "IS_NULLABLE"};
    String[] key = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "FK_NAME", "KEY_SEQ"};
    JdbcWalk.step("quote", meta::getIdentifierQuoteString);
    JdbcWalk.step("terms", () -> meta.getCatalogTerm() + "|" + meta.getSchemaTerm());
    JdbcWalk.step("transactions", meta::supportsTransactions);
    JdbcWalk.step("keywords", () -> meta.getSQLKeywords().contains("QUALIFY"));
    JdbcWalk.step("functions", () -> meta.getNumericFunctions().contains("POWER"));
    JdbcWalk.step("catalogs", () -> JdbcWalk.rows(meta.getCatalogs()));
    JdbcWalk.step("schemas", () -> JdbcWalk.columns(meta.getSchemas("test-project", null), "TABLE_SCHEM"));
    JdbcWalk.step("tables", () -> JdbcWalk.columns(meta.getTables("test-project", "shop", "%", null), "TABLE_NAME", "TABLE_TYPE"));
    JdbcWalk.step("only tables", () -> JdbcWalk.columns(meta.getTables(null, "shop", "%", new String[] {"TABLE"}), "TABLE_NAME"));
    JdbcWalk.step("columns", () -> JdbcWalk.columns(meta.getColumns(null, "shop", "orders", "%"), column));
    JdbcWalk.step("primary keys", () -> JdbcWalk.columns(meta.getPrimaryKeys(null, "shop", "customer"), "COLUMN_NAME", "KEY_SEQ"));
    JdbcWalk.step("imported keys", () -> JdbcWalk.columns(meta.getImportedKeys("test-project", "shop", "orders"), key));
    JdbcWalk.step("exported keys", () -> JdbcWalk.columns(meta.getExportedKeys("test-project", "shop", "customer"), key));
    JdbcWalk.step("cross reference", () -> JdbcWalk.columns(meta.getCrossReference(null, "shop", "customer", null, "shop", "orders"), key));
    JdbcWalk.step("wrong table", () -> JdbcWalk.columns(meta.getColumns(null, "shop", "nothing", "%"), column));
    for (int i = 1; i < args.length; i++) {
      String sql = args[i];
      JdbcWalk.step("query " + i, () -> query(connection, sql));
    }
    System.exit(0);
  }

  private static String query(Connection connection, String sql) throws Exception {
    try (Statement statement = connection.createStatement(); ResultSet set = statement.executeQuery(sql)) {
      return JdbcWalk.rows(set);
    }
  }
}
