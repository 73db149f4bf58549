import type { ApiClient } from '../api/request';
import { apiPath } from '../api/request';
import type {
  Items,
  RunningQuery,
  Upload,
  UploadLoad,
  UploadLoaded,
  UploadPreview,
  UploadSource
} from '../api/types';

/** A file of the user's, on their computer or in Lab. */
export interface LocalFile {
  name: string;
  blob: Blob;
}

/** The endpoints of uploads. */
export class UploadApi {
  constructor(private readonly client: ApiClient) {}

  /**
   * Sends a file, part by part.
   *
   * @param sent - called with the number of bytes that have arrived; false stops
   */
  async send(
    connection: string,
    { name, blob }: LocalFile,
    sent: (upload: Upload) => boolean
  ): Promise<Upload> {
    let upload = await this.client.request<Upload>('uploads', {
      method: 'POST',
      body: { connection, name, size: blob.size }
    });
    while (sent(upload) && upload.received < upload.size) {
      const offset = upload.received;
      upload = await this.client.request<Upload>(this.path(upload.id, 'parts'), {
        method: 'POST',
        query: { offset },
        body: blob.slice(offset, offset + upload.part_bytes)
      });
    }
    return upload;
  }

  preview(id: string, body: UploadSource): Promise<UploadPreview> {
    return this.client.request(this.path(id, 'preview'), { method: 'POST', body });
  }

  load(id: string, body: UploadLoad): Promise<UploadLoaded> {
    return this.client.request(this.path(id, 'load'), { method: 'POST', body });
  }

  async remove(id: string): Promise<void> {
    await this.client.request(this.path(id), { method: 'DELETE' });
  }

  /** How many rows a load has read so far; null if it isn't running. */
  async progress(queryId: string): Promise<number | null> {
    const { items } = await this.client.request<Items<RunningQuery>>('queries');
    return items.find(({ id }) => id === queryId)?.rows ?? null;
  }

  async cancel(queryId: string): Promise<void> {
    await this.client.request(apiPath('query', queryId), { method: 'DELETE' });
  }

  private path(...parts: string[]): string {
    return apiPath('uploads', ...parts);
  }
}
